//! A picture of somebody, for everybody to see.
//!
//! Stores the picture as `vestibule-picture` has drawn it, never the file that was sent. Steered by nothing but the bounds
//! below. Whoever may change the account may change it; an account that may not be used shows none. Defends against files
//! that are more than pictures, or expand to more than there is memory: they are drawn anew within bounds, `AT_ONCE` at
//! once on threads that may block, and whoever comes beyond that is told to come again.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest;
use tokio::sync::{Semaphore, SemaphorePermit};
use vestibule_picture::{NotAPicture, redraw};

use crate::{
    Auth,
    access::AccountAccess,
    detach::to_the_end,
    ports::{
        audit::{AuditEvent, AuditKind},
        store::{Avatar, StoreError},
    },
    values::account::AccountId,
};

/// The longest file, in bytes.
pub const MAX_FILE: usize = 5 * 1024 * 1024;
/// How many pictures are drawn at once: each may take up to 300 MiB while it is.
const AT_ONCE: usize = 1;
/// How many files are received or wait to be drawn at once.
const RECEIVED_AT_ONCE: usize = 8;
/// When it is worth another try where too many are at it.
const AGAIN: Duration = Duration::from_secs(2);

/// Why the picture is what it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AvatarError {
    /// The file is no picture that is understood, or too large a one.
    #[error("no picture: {0}")]
    Invalid(#[source] NotAPicture),
    /// Drawing it failed: a mistake in a decoder, which met a file made for it.
    #[error("the picture could not be drawn")]
    Failed,
    /// Too many pictures are being drawn.
    #[error("too many pictures at once")]
    Overloaded {
        /// When it is worth another try.
        retry_after: Duration,
    },
    /// There is no such account, or no picture of it.
    #[error("there is no picture")]
    Unknown,
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who draws pictures, and how many wait for that.
#[derive(Debug)]
pub(crate) struct Studio {
    seats: Semaphore,
    easels: Arc<Semaphore>,
}

impl Default for Studio {
    fn default() -> Self {
        Self { seats: Semaphore::new(RECEIVED_AT_ONCE), easels: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Studio {
    /// Has something painted as soon as an easel is free; `None` where whoever paints panics.
    async fn paint<P: Send + 'static>(&self, painting: impl FnOnce() -> P + Send + 'static) -> Option<P> {
        // It is never closed, so there is no failure but a panic.
        let easel = Arc::clone(&self.easels).acquire_owned().await.ok()?;
        // Whoever hangs up stops no thread: the easel is the thread's until it is done.
        let painted = tokio::task::spawn_blocking(move || {
            let painted = painting();
            drop(easel);
            painted
        });
        painted.await.ok()
    }
}

/// Leave to send a file and to have it drawn, which is given back when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Sitting<'a>(#[expect(dead_code, reason = "what counts is that it is held")] SemaphorePermit<'a>);

impl Auth {
    /// Lets somebody send a picture, unless too many do already. It is asked for before the file is read, which is held in
    /// memory.
    ///
    /// # Errors
    /// [`AvatarError::Overloaded`].
    pub fn receive_avatar(&self) -> Result<Sitting<'_>, AvatarError> {
        let seat = self.studio.seats.try_acquire();
        seat.map(Sitting).map_err(|_| AvatarError::Overloaded { retry_after: AGAIN })
    }

    /// Draws the picture in a file anew and makes it the account's.
    ///
    /// # Errors
    /// [`AvatarError`].
    pub async fn set_avatar(
        self: &Arc<Self>,
        _: &Sitting<'_>,
        access: AccountAccess,
        file: Vec<u8>,
    ) -> Result<(), AvatarError> {
        let (bytes, media_type) = self.draw(file).await?;
        let now = self.clock.now();
        let avatar =
            Avatar { etag: etag_of(&bytes), bytes, media_type: media_type.to_owned(), changed_at: now };
        let auth = Arc::clone(self);
        to_the_end(async move {
            if !auth.store.put_avatar(access.account.id, avatar).await? {
                return Err(AvatarError::Unknown);
            }
            auth.audit.record(access.event(now, AuditKind::AvatarChanged));
            Ok(())
        })
        .await
    }

    async fn draw(&self, file: Vec<u8>) -> Result<(Vec<u8>, &'static str), AvatarError> {
        let drawn = self.studio.paint(move || redraw(&file)).await;
        match drawn {
            Some(Ok(picture)) => Ok((picture.bytes, picture.media_type)),
            Some(Err(error)) => Err(AvatarError::Invalid(error)),
            None => Err(AvatarError::Failed),
        }
    }

    /// Removes the account's picture.
    ///
    /// # Errors
    /// [`AvatarError::Unknown`] where there is none, or an outage.
    pub async fn delete_avatar(self: &Arc<Self>, access: AccountAccess) -> Result<(), AvatarError> {
        let auth = Arc::clone(self);
        to_the_end(async move {
            if !auth.store.delete_avatar(access.account.id).await? {
                return Err(AvatarError::Unknown);
            }
            let event = access.event(auth.clock.now(), AuditKind::AvatarChanged);
            auth.audit.record(AuditEvent { detail: "deleted", ..event });
            Ok(())
        })
        .await
    }

    /// The picture of an account that may be used, for everybody to see.
    ///
    /// # Errors
    /// [`AvatarError::Unknown`], or an outage.
    pub async fn find_avatar(&self, id: AccountId) -> Result<Avatar, AvatarError> {
        self.store.find_avatar(id).await?.ok_or(AvatarError::Unknown)
    }
}

fn etag_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    let digest = digest::digest(&digest::SHA256, bytes);
    digest.as_ref().iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a `String` does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, sync::mpsc, task::Poll};

    use super::*;

    /// What a decoder takes is bounded by how many decode, not by how many wait for them.
    #[tokio::test]
    async fn a_picture_that_nobody_waits_for_keeps_its_easel_until_it_is_drawn() {
        let studio = Studio::default();
        let (go_on, told) = mpsc::channel::<()>();
        {
            let mut upload = pin!(studio.paint(move || told.recv().is_ok()));
            let is_over = poll_fn(|context| Poll::Ready(upload.as_mut().poll(context).is_ready())).await;
            assert!(!is_over, "it was over before anybody could hang up");
        }
        assert_eq!(studio.easels.available_permits(), 0, "it is still being drawn");
        go_on.send(()).unwrap();
        assert_eq!(studio.paint(|| "the next").await, Some("the next"));
    }

    #[tokio::test]
    async fn a_panic_gives_the_easel_back() {
        let studio = Studio::default();
        assert_eq!(studio.paint(|| -> u8 { panic!("a decoder's mistake") }).await, None);
        assert_eq!(studio.paint(|| 1).await, Some(1));
    }
}
