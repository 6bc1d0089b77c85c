//! How much memory a picture takes while it is drawn, whatever its file says: counted, allocation by allocation.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests; the functions they share are not marked as tests"
)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
};

use vestibule_picture::redraw;

/// What the documentation says.
const BOUND: usize = 300 * 1024 * 1024;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted.
struct Counting;

impl Counting {
    fn add(bytes: usize) {
        let in_use = IN_USE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        PEAK.fetch_max(in_use, Ordering::Relaxed);
    }
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: the caller keeps the same contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::add(layout.size());
        // SAFETY: the caller keeps the same contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the same contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A part of a RIFF container that says that it is as long as it is, or something else.
fn chunk(name: [u8; 4], body: &[u8], says: Option<u32>) -> Vec<u8> {
    let length = says.unwrap_or_else(|| u32::try_from(body.len()).unwrap());
    let padding = vec![0; body.len() % 2];
    [&name[..], &length.to_le_bytes(), body, &padding].concat()
}

fn webp(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    // As long as can be, so that a decoder looks for chunks to the end.
    [b"RIFF", &0xffff_fff6_u32.to_le_bytes()[..], b"WEBP", &chunks].concat()
}

fn extended(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    chunk(*b"VP8X", &[flags, 0, 0, 0, w0, w1, w2, h0, h1, h2], None)
}

/// The bits of a VP8L image, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: usize,
}

impl Bits {
    fn put(&mut self, value: u32, count: usize) {
        for bit in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let set = u8::from(value >> bit & 1 == 1) << (self.used % 8);
            *self.bytes.last_mut().unwrap() |= set;
            self.used += 1;
        }
    }

    fn lossless(width: u32, height: u32) -> Self {
        let mut bits = Self::default();
        bits.put(0x2f, 8);
        bits.put(width - 1, 14);
        bits.put(height - 1, 14);
        bits.put(0, 4);
        bits
    }

    /// A code of one symbol.
    fn simple(&mut self, symbol: u32) {
        self.put(0b101, 3);
        self.put(symbol, 8);
    }

    /// A code of 2048 symbols, eleven bits each, whose lengths are said in some hundred bytes.
    fn long(&mut self) {
        self.put(0, 1);
        self.put(11, 4);
        for index in 0..15 {
            self.put(u32::from(index == 8 || index == 14), 3);
        }
        self.put(1, 1);
        self.put(4, 3);
        self.put(341, 10);
        self.put(0, 1);
        for _ in 0..340 {
            self.put(0b111, 3);
        }
        self.put(0b011, 3);
        self.put(0b001, 3);
    }
}

/// An image of one pixel with 65 536 groups of codes, as far as so many bytes hold them.
fn code_bomb(length: usize) -> Vec<u8> {
    let mut bits = Bits::lossless(1, 1);
    bits.put(0, 1);
    bits.put(1, 1);
    bits.put(11, 4);
    bits.put(1, 1);
    bits.put(0, 3);
    bits.put(0, 1);
    for symbol in [255, 255, 0, 0, 0] {
        bits.simple(symbol);
    }
    while bits.bytes.len() < length {
        bits.long();
        for _ in 0..4 {
            bits.simple(0);
        }
    }
    bits.bytes
}

/// The head of an image without loss, and nothing else of it.
fn plain(width: u32, height: u32) -> Vec<u8> {
    Bits::lossless(width, height).bytes
}

fn moving(width: u32, height: u32, parts: &[Vec<u8>]) -> Vec<u8> {
    let [w0, w1, w2, _] = (width - 1).to_le_bytes();
    let [h0, h1, h2, _] = (height - 1).to_le_bytes();
    let head = [0, 0, 0, 0, 0, 0, w0, w1, w2, h0, h1, h2, 0, 0, 0, 0];
    let frame = chunk(*b"ANMF", &[&head[..], &parts.concat()].concat(), None);
    webp(&[extended(0x12, width, height), chunk(*b"ANIM", &[0; 6], None), frame])
}

/// A JPEG of several passes: its head, and nothing else of it.
fn jpeg(width: u16, height: u16, components: u8) -> Vec<u8> {
    let mut file = [&[0xff, 0xd8, 0xff, 0xdb, 0, 67, 0][..], &[1; 64]].concat();
    file.extend([0xff, 0xc2, 0, 8 + 3 * components, 8]);
    file.extend(height.to_be_bytes());
    file.extend(width.to_be_bytes());
    file.push(components);
    for component in 1..=components {
        file.extend([component, 0x11, 0]);
    }
    file.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0]);
    file.extend([0; 64]);
    file
}

/// A canvas of 5000 by 5200 with a frame of 4000 by 4000, and nothing of that.
fn gif() -> Vec<u8> {
    let screen = [0x88, 0x13, 0x50, 0x14, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff];
    let frame = [0x2c, 1, 0, 1, 0, 0xa0, 0x0f, 0xa0, 0x0f, 0, 2, 1, 0, 0];
    [&b"GIF89a"[..], &screen, &frame].concat()
}

/// The head of a PNG of 5000 by 5200, a profile of 300 MB in two, and no pixel.
fn png(bits: u8) -> Vec<u8> {
    let part = |name: &[u8; 4], body: &[u8]| {
        let crc = name.iter().chain(body).fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
            })
        });
        let length = u32::try_from(body.len()).unwrap();
        [&length.to_be_bytes()[..], name, body, &(!crc).to_be_bytes()].concat()
    };
    let head = [&5000_u32.to_be_bytes()[..], &5200_u32.to_be_bytes(), &[bits, 6, 0, 0, 0]].concat();
    // Zeros, repeated 258 at a time in thirteen bits.
    let mut profile = Bits::default();
    profile.put(0b000_0110_0011, 11);
    for _ in 0..1_200_000 {
        profile.put(0b0_0000_1010_0011, 13);
    }
    let profile = [b"p\0\0\x78\x01", &profile.bytes[..]].concat();
    let pixels = part(b"IDAT", &[0x78, 0x01]);
    [&b"\x89PNG\r\n\x1a\n"[..], &part(b"IHDR", &head), &part(b"iCCP", &profile), &pixels].concat()
}

fn lossy() -> Vec<u8> {
    // A key frame, its head alone, of 5000 by 5190.
    let frame = [&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x88, 0x13, 0x46, 0x14][..], &[0; 64]].concat();
    chunk(*b"VP8 ", &frame, None)
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let dot = chunk(*b"VP8L", &plain(1, 1), None);
    let promise = chunk(*b"EXIF", b"", Some(0xffff_fff0));
    let large = chunk(*b"VP8L", &plain(5000, 5000), None);
    let alpha = chunk(*b"ALPH", &[&[1][..], &plain(5000, 5190)[5..]].concat(), None);
    vec![
        ("EXIF of 4 GiB that is not there", webp(&[extended(0, 1, 1), dot.clone(), promise.clone()])),
        ("the same in a frame", moving(1, 1, &[dot, promise])),
        ("a moving picture of 25 million pixels", moving(5000, 5000, std::slice::from_ref(&large))),
        ("a still one without loss", webp(&[large])),
        ("a still one with loss", webp(&[lossy()])),
        ("a lossy one with an alpha channel", webp(&[extended(0x10, 5000, 5190), alpha.clone(), lossy()])),
        ("a moving one with an alpha channel", moving(5000, 5190, &[alpha, lossy()])),
        ("codes of 2 MiB", webp(&[chunk(*b"VP8L", &code_bomb(2 << 20), None)])),
        ("codes of 500 KiB", webp(&[chunk(*b"VP8L", &code_bomb(500 << 10), None)])),
        ("codes of an alpha channel", {
            let alpha = chunk(*b"ALPH", &[&[1][..], &code_bomb(2 << 20)[5..]].concat(), None);
            webp(&[extended(0x10, 5000, 5190), alpha, lossy()])
        }),
        ("a JPEG of several passes in four inks", jpeg(5000, 5200, 4)),
        ("a GIF whose frame is put on a canvas", gif()),
        ("a PNG", png(8)),
        ("a PNG of 16 bits", png(16)),
    ]
}

#[test]
fn no_file_takes_more_memory_than_the_documentation_says() {
    for (what, file) in files() {
        let before = IN_USE.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let drawn = redraw(&file).map(|picture| picture.media_type);
        let taken = PEAK.load(Ordering::Relaxed) - before;
        println!("{what}: {} bytes take {} KiB, {drawn:?}", file.len(), taken / 1024);
        assert!(taken < BOUND, "{what}: {} MiB, {drawn:?}", taken / 1024 / 1024);
    }
}
