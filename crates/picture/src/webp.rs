//! The first picture of a WebP file, taken out of its container.
//!
//! Its decoder believes what a container says of the lengths of its parts and of its canvas, and asks for as much memory.
//! What is handed to it is a file of ours, which has the parts of one picture that are really there, and nothing else.

use image::metadata::Orientation;

/// One picture of a WebP file.
#[derive(Debug)]
pub(crate) struct Still {
    /// A file that holds it alone.
    pub(crate) file: Vec<u8>,
    /// How the camera was held, as the whole file says.
    pub(crate) orientation: Orientation,
    /// How much of it is compressed without loss, in bytes.
    pub(crate) lossless: usize,
}

/// A part of a container: its name and what is in it.
type Chunk<'a> = ([u8; 4], &'a [u8]);

/// How long the head of a frame of a moving picture is.
const FRAME_HEAD: usize = 16;
/// Of the flags of an extended file: something is transparent.
const HAS_ALPHA: u8 = 0b1_0000;

/// Takes the first picture out of a WebP file; `None` where there is none.
pub(crate) fn first_picture(file: &[u8]) -> Option<Still> {
    let parts = file.get(12..)?;
    let is_picture = |(name, _): &Chunk<'_>| matches!(name, b"VP8 " | b"VP8L" | b"ANMF");
    let (name, picture) = chunks(parts).find(is_picture)?;
    let picture = single(if &name == b"ANMF" { picture.get(FRAME_HEAD..)? } else { parts })?;
    let exif = chunks(parts).find_map(|(name, exif)| (&name == b"EXIF").then_some(exif));
    let orientation = exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    Some(Still { orientation, ..picture })
}

/// The parts of a container, as far as they are there.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    std::iter::from_fn(move || {
        let (name, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let body = after.get(..length)?;
        rest = after.get(length + length % 2..).unwrap_or_default();
        Some((*name, body))
    })
}

/// A file of the first picture among the parts, without what else there is.
fn single(parts: &[u8]) -> Option<Still> {
    let (name, picture) = chunks(parts).find(|(name, _)| matches!(name, b"VP8 " | b"VP8L"))?;
    let alpha = chunks(parts).find_map(|(name, alpha)| (&name == b"ALPH").then_some(alpha));
    let still = |parts: &[Chunk<'_>], lossless| Still {
        file: container(parts),
        orientation: Orientation::NoTransforms,
        lossless,
    };
    Some(match alpha {
        _ if &name == b"VP8L" => still(&[(name, picture)], picture.len()),
        None => still(&[(name, picture)], 0),
        Some(alpha) => {
            let head = extended_head(picture)?;
            still(&[(*b"VP8X", &head), (*b"ALPH", alpha), (name, picture)], alpha.len())
        }
    })
}

/// What an extended file begins with: what is in it, and its canvas, which is as large as the picture.
fn extended_head(picture: &[u8]) -> Option<[u8; 10]> {
    let [w0, w1, h0, h1] = *picture.get(6..)?.first_chunk::<4>()?;
    let side = |low, high| (u16::from_le_bytes([low, high]) & 0x3fff).checked_sub(1).map(u16::to_le_bytes);
    let ([w0, w1], [h0, h1]) = (side(w0, w1)?, side(h0, h1)?);
    Some([HAS_ALPHA, 0, 0, 0, w0, w1, 0, h0, h1, 0])
}

fn container(parts: &[Chunk<'_>]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, part) in parts {
        body.extend(name);
        body.extend(length(part));
        body.extend(*part);
        if part.len() % 2 == 1 {
            body.push(0);
        }
    }
    [&b"RIFF"[..], &length(&body), &body].concat()
}

fn length(part: &[u8]) -> [u8; 4] {
    // Whoever calls has read the file, whose length is four bytes too.
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes()
}
