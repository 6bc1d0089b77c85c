//! `passwords.breached_file`: a file of Pwned Passwords, sorted by hash, searched where it lies.
//!
//! Each line is a SHA-1 in hexadecimal, then perhaps a colon and a count. The whole list has about forty gigabytes,
//! so that it is halved by offset, with small reads, until what is left is read at once.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{AcquireError, Semaphore},
    task::{JoinError, spawn_blocking},
    time::{error::Elapsed, timeout},
};
use vestibule::core::ports::breached_passwords::{BreachedPasswords, BreachedPasswordsError, PasswordSha1};

type Sha1 = [u8; PasswordSha1::LENGTH];

/// The digits of a hash.
const DIGITS: usize = 2 * PasswordSha1::LENGTH;
/// A line and the end of the one before it: digits, a colon, a count of up to twenty digits, `\r\n`.
const LINE_BYTES: usize = 64;
/// What is read at once in the end.
const BLOCK_BYTES: u64 = 4096;
/// How many places of the file must be in order at the start.
const SAMPLES: u64 = 256;
/// How many may read at once: a disk that hangs must not take the threads that others need.
const READERS: usize = 8;
/// How long an answer may take, waiting for a turn included.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file of hashes; it stays open, so that one that replaces it counts from the next start.
#[derive(Debug)]
pub struct BreachedFile {
    file: Arc<File>,
    turns: Arc<Semaphore>,
}

/// Why a file is none that can be searched.
#[derive(Debug, thiserror::Error)]
#[error("passwords.breached_file names {}, but {kind}", path.display())]
pub struct BadBreachedFile {
    path: PathBuf,
    kind: LookupError,
}

/// Why a search gives no answer.
#[derive(Debug, thiserror::Error)]
enum LookupError {
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("it is no file")]
    NoFile,
    #[error("at byte {0} no line begins with a SHA-1 in hexadecimal")]
    NoHash(u64),
    #[error("it is not sorted by hash: the line at byte {0} is less than one before it")]
    Unsorted(u64),
    #[error("it did not answer in time")]
    Slow(#[from] Elapsed),
    #[error("its reader ended: {0}")]
    Reader(#[from] JoinError),
    #[error("it is closed")]
    Closed(#[from] AcquireError),
}

/// A line: where it begins, and its hash.
struct Line {
    start: u64,
    sha1: Sha1,
}

impl BreachedFile {
    /// Opens a file and looks at some of its places: lines of hashes, in ascending order.
    ///
    /// # Errors
    /// [`BadBreachedFile`] says what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, BadBreachedFile> {
        let bad = |kind| BadBreachedFile { path: path.to_owned(), kind };
        let file = File::open(path).map_err(|error| bad(error.into()))?;
        check(&file).map_err(bad)?;
        Ok(Self { file: Arc::new(file), turns: Arc::new(Semaphore::new(READERS)) })
    }

    async fn look_up(&self, sha1: PasswordSha1) -> Result<bool, LookupError> {
        let search = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await?;
            let file = Arc::clone(&self.file);
            spawn_blocking(move || {
                let found = contains(&file, sha1.as_bytes());
                // The turn is over when the reading is, not when nobody waits for it any more.
                drop(turn);
                found
            })
            .await?
        };
        timeout(PATIENCE, search).await?
    }
}

#[async_trait::async_trait]
impl BreachedPasswords for BreachedFile {
    async fn contains(&self, sha1: PasswordSha1) -> Result<bool, BreachedPasswordsError> {
        self.look_up(sha1).await.map_err(|error| BreachedPasswordsError(Box::new(error)))
    }
}

fn check(file: &File) -> Result<(), LookupError> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(LookupError::NoFile);
    }
    let length = metadata.len();
    let mut last = read_line(file, 0, length)?.ok_or(LookupError::NoHash(0))?;
    for sample in 1..=SAMPLES {
        let place = length.saturating_mul(sample) / SAMPLES;
        let Some(line) = line_after(file, place, length)? else { continue };
        if line.sha1 < last.sha1 {
            return Err(LookupError::Unsorted(line.start));
        }
        last = line;
    }
    Ok(())
}

fn contains(file: &File, wanted: &Sha1) -> Result<bool, LookupError> {
    let length = file.metadata()?.len();
    if length == 0 {
        // It had lines at the start; somebody has cut it since.
        return Err(LookupError::NoHash(0));
    }
    // `from` is the start of a line, and the wanted line begins before `to` if anywhere.
    let (mut from, mut to) = (0, length);
    while to - from > BLOCK_BYTES {
        let middle = from + (to - from) / 2;
        match line_after(file, middle, length)? {
            Some(line) if line.sha1 < *wanted && line.start < to => from = line.start,
            Some(line) if line.sha1 == *wanted => return Ok(true),
            _ => to = middle + 1,
        }
    }
    let mut block = vec![0; usize::try_from(to - from).unwrap_or_default() + LINE_BYTES];
    let read = read_up_to(file, &mut block, from)?;
    let text = block.get(..read).unwrap_or_default();
    Ok(text.split(|byte| *byte == b'\n').any(|line| hash_of(line).is_some_and(|sha1| sha1 == *wanted)))
}

/// The first line that begins after `offset`, or at it where that is 0; `None` where there is none.
fn line_after(file: &File, offset: u64, length: u64) -> Result<Option<Line>, LookupError> {
    if offset == 0 {
        return read_line(file, 0, length);
    }
    let mut bytes = [0; LINE_BYTES];
    let read = read_up_to(file, &mut bytes, offset)?;
    let end = bytes.iter().take(read).position(|byte| *byte == b'\n');
    match end {
        Some(end) => read_line(file, offset + end as u64 + 1, length),
        None if offset + read as u64 >= length => Ok(None),
        None => Err(LookupError::NoHash(offset)),
    }
}

fn read_line(file: &File, start: u64, length: u64) -> Result<Option<Line>, LookupError> {
    if start >= length {
        return Ok(None);
    }
    let mut bytes = [0; LINE_BYTES];
    let read = read_up_to(file, &mut bytes, start)?;
    let line = bytes.get(..read).unwrap_or_default().split(|byte| *byte == b'\n').next();
    let sha1 = line.and_then(hash_of).ok_or(LookupError::NoHash(start))?;
    Ok(Some(Line { start, sha1 }))
}

/// The hash at the beginning of a line; a carriage return at its end is none of it.
fn hash_of(line: &[u8]) -> Option<Sha1> {
    let (digits, rest) = line.split_at_checked(DIGITS)?;
    if !matches!(rest, [] | [b':' | b'\r', ..]) {
        return None;
    }
    let mut sha1 = Sha1::default();
    for (byte, pair) in sha1.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(sha1)
}

/// Reads until the buffer is full or the file ends.
fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize, io::Error> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests;
