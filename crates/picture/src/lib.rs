//! Pictures that strangers send, drawn anew.
//!
//! Stores nothing. What comes out is written by us, pixel by pixel: no byte of the file is in it, so neither where a photo
//! was taken, nor what else a file that is two things at once may be. Steered by nothing. Defends against files that say
//! little and mean much (dimensions are looked at, and memory reckoned, before a pixel is decoded), and against what is no
//! picture although it is called one: the content alone says what it is.
//!
//! It blocks and computes: call it on a thread that may, and not too often at once.
#![forbid(unsafe_code)]

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    error::DecodingError,
};

use crate::webp::Still;

mod webp;

/// The longest side of what comes out, in pixels.
pub const MAX_SIDE: u32 = 512;
/// The longest side of what is decoded, in pixels.
const MAX_SOURCE_SIDE: u32 = 16_384;
/// How many pixels are decoded at most: those of the photos that telephones take.
const MAX_SOURCE_PIXELS: u64 = 26_000_000;
/// How much memory one picture may take while it is drawn, in bytes: what the largest photo of a telephone takes whose
/// JPEG comes in several passes.
const MAX_MEMORY: u64 = 300 * 1024 * 1024;
/// What a decoder may take beside the pixels, in bytes: a colour profile, a frame that is put on its canvas.
const MAX_ASIDE: u64 = 64 * 1024 * 1024;
/// How much longer than a WebP file without loss the tables of its codes may be.
const CODE_TABLES: u64 = 600;
/// Of JPEG: where nobody sees a difference.
const QUALITY: u8 = 88;

/// A picture that we have drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it is: `image/jpeg`, or `image/png` where something is transparent.
    pub media_type: &'static str,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAPicture {
    /// It is none of the formats that are understood.
    #[error("it is neither PNG, JPEG, WebP nor GIF")]
    UnknownFormat,
    /// It is more than is decoded.
    #[error("it has too many pixels, or takes too much memory")]
    TooLarge,
    /// It is damaged, or asks for more memory than it may.
    #[error("it cannot be decoded: {0}")]
    Broken(#[source] image::ImageError),
}

/// Draws the picture in a PNG, JPEG, WebP or GIF file anew, the right way up and no larger than [`MAX_SIDE`]; of a moving
/// one its first frame.
///
/// # Errors
/// [`NotAPicture`].
///
/// # Security
/// At most 300 MiB while it runs, whatever the file says.
pub fn redraw(file: &[u8]) -> Result<Picture, NotAPicture> {
    encode(&decode(file)?).map_err(NotAPicture::Broken)
}

fn decode(file: &[u8]) -> Result<DynamicImage, NotAPicture> {
    let format = image::guess_format(file).map_err(|_| NotAPicture::UnknownFormat)?;
    match format {
        ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::Gif => pixels(file, format, None),
        ImageFormat::WebP => {
            let still = webp::first_picture(file).ok_or_else(no_picture)?;
            pixels(&still.file, format, Some(&still))
        }
        _ => Err(NotAPicture::UnknownFormat),
    }
}

fn pixels(file: &[u8], format: ImageFormat, still: Option<&Still>) -> Result<DynamicImage, NotAPicture> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SOURCE_SIDE);
    limits.max_image_height = Some(MAX_SOURCE_SIDE);
    limits.max_alloc = Some(MAX_ASIDE);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let is_bounded = pixels <= MAX_SOURCE_PIXELS;
    if !is_bounded || decoder.total_bytes() + aside(format, pixels, file, still) > MAX_MEMORY {
        return Err(NotAPicture::TooLarge);
    }
    // Without it a photo is shown as the sensor was held: it goes with the rest of what the file says.
    let orientation = match still {
        Some(still) => still.orientation,
        None => decoder.orientation().map_err(broken)?,
    };
    // Turning takes as much memory again: what is too large is made small first.
    let mut picture = shrink(DynamicImage::from_decoder(decoder).map_err(broken)?);
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// What decoding takes beside the pixels at its worst, in bytes, as a test measures it; the decoders keep no such bound.
fn aside(format: ImageFormat, pixels: u64, file: &[u8], still: Option<&Still>) -> u64 {
    let decoder = match still {
        // Four components of two bytes each are kept from pass to pass.
        None if format == ImageFormat::Jpeg => pixels * 8,
        None => MAX_ASIDE,
        Some(Still { lossless: 0, .. }) => pixels * 2,
        Some(still) => pixels * 8 + bytes(still.lossless) * CODE_TABLES,
    };
    decoder + bytes(file.len()) * 2
}

fn bytes(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn shrink(picture: DynamicImage) -> DynamicImage {
    if picture.width() > MAX_SIDE || picture.height() > MAX_SIDE {
        return picture.thumbnail(MAX_SIDE, MAX_SIDE);
    }
    picture
}

fn broken(error: image::ImageError) -> NotAPicture {
    match error {
        image::ImageError::Limits(_) => NotAPicture::TooLarge,
        other => NotAPicture::Broken(other),
    }
}

fn encode(picture: &DynamicImage) -> Result<Picture, image::ImageError> {
    let mut bytes = Vec::new();
    let (width, height) = (picture.width(), picture.height());
    if picture.color().has_alpha() {
        let pixels = picture.to_rgba8();
        if pixels.pixels().any(|pixel| pixel.0[3] < u8::MAX) {
            PngEncoder::new(&mut bytes).write_image(
                &pixels,
                width,
                height,
                image::ExtendedColorType::Rgba8,
            )?;
            return Ok(Picture { bytes, media_type: "image/png" });
        }
    }
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    encoder.write_image(&picture.to_rgb8(), width, height, image::ExtendedColorType::Rgb8)?;
    Ok(Picture { bytes, media_type: "image/jpeg" })
}

fn no_picture() -> NotAPicture {
    let hint = ImageFormat::WebP.into();
    NotAPicture::Broken(image::ImageError::Decoding(DecodingError::new(hint, "there is no picture in it")))
}

#[cfg(test)]
mod tests;
