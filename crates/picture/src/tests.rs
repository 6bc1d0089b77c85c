use image::{Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

/// Red on the left, blue on the right.
fn two_colours(width: u32, height: u32) -> DynamicImage {
    let colour = |x| if x < width / 2 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) };
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, _| colour(x)))
}

fn file(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).unwrap();
    file.into_inner()
}

fn seen(picture: &Picture) -> DynamicImage {
    image::load_from_memory(&picture.bytes).unwrap()
}

/// What an EXIF block says that a camera held on its side has seen, and where it was: `GPS-CANARY`.
fn with_exif(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff.extend(b"GPS-CANARY");
    let mut segment = b"Exif\0\0".to_vec();
    segment.extend(tiff);
    let length = u16::try_from(segment.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &segment, &jpeg[2..]].concat()
}

fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn every_format_is_drawn_anew_and_made_small() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        for ((width, height), expected) in
            [((1200, 600), (512, 256)), ((30, 20), (30, 20)), ((1, 600), (1, 512))]
        {
            let drawn = redraw(&file(&two_colours(width, height), format)).unwrap();
            assert_eq!(drawn.media_type, "image/jpeg", "{format:?}");
            assert_eq!(image::guess_format(&drawn.bytes).unwrap(), ImageFormat::Jpeg);
            let seen = seen(&drawn);
            assert_eq!((seen.width(), seen.height()), expected, "{format:?}");
        }
    }
}

#[test]
fn what_is_transparent_stays_so() {
    let glass = DynamicImage::ImageRgba8(RgbaImage::from_pixel(9, 9, Rgba([10, 20, 30, 40])));
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let drawn = redraw(&file(&glass, format)).unwrap();
        assert_eq!(drawn.media_type, "image/png");
        assert_eq!(seen(&drawn).to_rgba8().get_pixel(4, 4), &Rgba([10, 20, 30, 40]));
    }
    let opaque = DynamicImage::ImageRgba8(RgbaImage::from_pixel(9, 9, Rgba([10, 20, 30, 255])));
    assert_eq!(redraw(&file(&opaque, ImageFormat::Png)).unwrap().media_type, "image/jpeg");
}

/// Where a photo was taken is nobody's business; which side is up is everybody's.
#[test]
fn metadata_goes_and_what_it_says_of_the_right_way_up_is_done() {
    let jpeg = file(&two_colours(64, 32), ImageFormat::Jpeg);
    let photo = with_exif(&jpeg, 6);
    assert!(contains(&photo, "GPS-CANARY"));
    let drawn = redraw(&photo).unwrap();
    assert!(!contains(&drawn.bytes, "GPS-CANARY") && !contains(&drawn.bytes, "Exif"));
    let seen = seen(&drawn).to_rgb8();
    assert_eq!(seen.dimensions(), (32, 64), "turned");
    let (above, below) = (seen.get_pixel(16, 8), seen.get_pixel(16, 56));
    assert!(above.0[0] > 200 && below.0[2] > 200, "left is above: {above:?} {below:?}");
    assert_eq!(redraw(&with_exif(&jpeg, 1)).unwrap(), redraw(&jpeg).unwrap());
}

/// The same of a WebP, whose container may say more than it holds.
#[test]
fn a_webp_is_turned_as_its_exif_says_and_stands_still() {
    let plain = file(&two_colours(64, 32), ImageFormat::WebP);
    let picture = &plain[12..];
    let exif = {
        let tiff =
            [&b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..], &[6, 0, 0, 0, 0, 0, 0, 0]].concat();
        let length = u32::try_from(tiff.len()).unwrap().to_le_bytes();
        [b"EXIF", &length[..], &tiff].concat()
    };
    let riff = |parts: &[&[u8]]| {
        let parts = parts.concat();
        let length = u32::try_from(parts.len() + 4).unwrap().to_le_bytes();
        [b"RIFF", &length[..], b"WEBP", &parts].concat()
    };
    let head = b"VP8X\x0a\0\0\0\x08\0\0\0\x3f\0\0\x1f\0\0";
    let turned = redraw(&riff(&[head, picture, &exif])).unwrap();
    let seen = seen(&turned).to_rgb8();
    assert_eq!(seen.dimensions(), (32, 64), "turned");
    let (above, below) = (seen.get_pixel(16, 8), seen.get_pixel(16, 56));
    assert!(above.0[0] > 200 && below.0[2] > 200, "left is above: {above:?} {below:?}");
    // Of a moving one the first frame, whatever its container says of its canvas.
    let frame = [&b"\0\0\0\0\0\0\x3f\0\0\x1f\0\0\0\0\0\0"[..], picture].concat();
    let length = u32::try_from(frame.len()).unwrap().to_le_bytes();
    let moving = b"VP8X\x0a\0\0\0\x02\0\0\0\xff\xff\xff\x02\0\0ANIM\x06\0\0\0\0\0\0\0\0\0";
    let still = redraw(&riff(&[moving, b"ANMF", &length, &frame, b"ANMF", &[9; 20]])).unwrap();
    assert_eq!(still, redraw(&plain).unwrap());
    for cut in 0..plain.len() - 1 {
        let _ = redraw(&plain[..cut]).unwrap_err();
    }
}

/// A file that is a picture and a page at once is a picture afterwards.
#[test]
fn whatever_else_a_file_is_stays_behind() {
    let payload = "<script>alert('cAnArY')</script>";
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let polyglot = [&file(&two_colours(64, 64), format)[..], payload.as_bytes()].concat();
        let drawn = redraw(&polyglot).unwrap();
        assert!(!contains(&drawn.bytes, "cAnArY") && !contains(&drawn.bytes, "<script"), "{format:?}");
    }
    let jpeg = file(&two_colours(64, 64), ImageFormat::Jpeg);
    let comment =
        [&jpeg[..2], &[0xff, 0xfe], &34_u16.to_be_bytes()[..], payload.as_bytes(), &jpeg[2..]].concat();
    assert!(contains(&comment, "cAnArY"));
    assert!(!contains(&redraw(&comment).unwrap().bytes, "cAnArY"));
}

#[test]
fn what_is_no_picture_is_refused_whatever_it_is_called() {
    for other in [
        &b""[..],
        b"x",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"BM\0\0\0\0\0\0\0\0",
        b"II*\0\x08\0\0\0",
    ] {
        assert!(matches!(redraw(other), Err(NotAPicture::UnknownFormat)), "{other:?}");
    }
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let whole = file(&two_colours(64, 64), format);
        let head = &whole[..whole.len().min(24)];
        assert!(redraw(head).is_err(), "{format:?}");
    }
}

/// A PNG's head that says how large it is, and nothing else of it.
fn png_saying(width: u32, height: u32) -> Vec<u8> {
    let mut head = b"IHDR".to_vec();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([8, 6, 0, 0, 0]);
    let crc = head.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    });
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(head);
    png.extend((!crc).to_be_bytes());
    png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82");
    png
}

/// Before a pixel is decoded: a few bytes that say that they are a gigabyte.
#[test]
fn pixel_bombs_are_seen_before_they_go_off() {
    for (width, height) in [(16_000, 16_000), (5100, 5100), (20_000, 1), (u32::MAX >> 1, u32::MAX >> 1)] {
        assert!(
            matches!(redraw(&png_saying(width, height)), Err(NotAPicture::TooLarge)),
            "{width} x {height}"
        );
    }
    assert!(matches!(redraw(&png_saying(5000, 5000)), Err(NotAPicture::Broken(_))), "it is not there");
    // GIF: the screen is what is decoded, whatever the frames are.
    let mut gif = file(&two_colours(4, 4), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert!(matches!(redraw(&gif), Err(NotAPicture::TooLarge)));
}
