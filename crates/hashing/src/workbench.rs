//! What a hashing thread does with one password.

use vestibule_core::{
    ports::hasher::Verification,
    values::{
        password::{Password, PasswordHash},
        secret::random_bytes,
    },
};
use zeroize::Zeroizing;

use crate::{
    engine::{Engine, EngineError, is_same_tag},
    foreign::{Foreign, Stored},
    notices::Notices,
    phc::{Cost, Recipe, SALT_LENGTH, StoredHash, TAG_LENGTH},
};

/// An engine, the parameters in force, and a hash that nobody has the password to.
pub(crate) struct Workbench {
    engine: Box<dyn Engine>,
    cost: Cost,
    nobodys: StoredHash,
    notices: Notices,
}

impl Workbench {
    pub(crate) fn new(engine: Box<dyn Engine>, cost: Cost, notices: Notices) -> Self {
        // Composed, not computed: a random tag has no password, and a start costs no hash.
        let nobodys = StoredHash {
            recipe: Recipe::current(cost),
            salt: random_bytes::<SALT_LENGTH>().to_vec(),
            tag: random_bytes::<TAG_LENGTH>().to_vec(),
        };
        Self { engine, cost, nobodys, notices }
    }

    /// Hashes with the parameters in force and a salt of its own.
    pub(crate) fn hash(&mut self, password: &Password) -> Result<PasswordHash, EngineError> {
        let salt = random_bytes::<SALT_LENGTH>();
        let recipe = Recipe::current(self.cost);
        let mut tag = vec![0; TAG_LENGTH];
        self.engine.compute(&recipe, password.as_bytes(), &salt, &mut tag)?;
        Ok(PasswordHash::new(StoredHash { recipe, salt: salt.to_vec(), tag }.to_string()))
    }

    /// Verifies; without a hash that can be verified, does the same work and says no.
    pub(crate) fn verify(
        &mut self,
        stored: Option<&PasswordHash>,
        password: &Password,
    ) -> Result<Verification, EngineError> {
        let (is_right, is_outdated) = match stored.and_then(|stored| self.read(stored)) {
            Some(Stored::Argon2 { hash, is_wrapped }) => {
                let is_right = is_password(&mut *self.engine, &hash, password.as_bytes())?;
                (is_right, is_wrapped || hash.is_outdated(self.cost))
            }
            Some(Stored::Foreign(hash)) => (self.is_foreign_password(&*hash, password)?, true),
            None => {
                is_password(&mut *self.engine, &self.nobodys, password.as_bytes())?;
                (false, false)
            }
        };
        Ok(if is_right { Verification::Right { is_outdated } } else { Verification::Wrong })
    }

    fn is_foreign_password(
        &mut self,
        stored: &dyn Foreign,
        password: &Password,
    ) -> Result<bool, EngineError> {
        let mut computed = Zeroizing::new(vec![0; stored.tag().len()]);
        let mut is_computed = false;
        self.engine.lend(stored.memory_kib(), &mut || {
            is_computed = stored.compute(password.as_bytes(), &mut computed).is_some();
        })?;
        // Other than to Argon2, a NUL at the end of a password is nothing to bcrypt, nor to HMAC: whoever typed one
        // would replace the hash by one that the password without it no longer fits.
        Ok(is_computed && !password.has_nul() && is_same_tag(&computed, stored.tag()))
    }

    fn read(&self, stored: &PasswordHash) -> Option<Stored> {
        Stored::read(stored.expose()).map_err(|refusal| self.notices.tell(refusal)).ok()
    }
}

/// Whether `password` has the stored tag.
pub(crate) fn is_password(
    engine: &mut (impl Engine + ?Sized),
    stored: &StoredHash,
    password: &[u8],
) -> Result<bool, EngineError> {
    let mut computed = Zeroizing::new(vec![0; stored.tag.len()]);
    engine.compute(&stored.recipe, password, &stored.salt, &mut computed)?;
    Ok(is_same_tag(&computed, &stored.tag))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use argon2::{PasswordHasher as _, PasswordVerifier as _};
    use proptest::prelude::*;

    use super::*;
    use crate::engine::{Argon2Engine, OversizePermit};

    const COST: Cost = Cost { memory_kib: 16, iterations: 2, parallelism: 1 };

    type Work = Arc<Mutex<Vec<(Recipe, usize, usize)>>>;

    /// Counts what is asked of a real engine.
    struct Counting(Argon2Engine, Work);

    impl Engine for Counting {
        fn compute(
            &mut self,
            recipe: &Recipe,
            password: &[u8],
            salt: &[u8],
            tag: &mut [u8],
        ) -> Result<(), EngineError> {
            self.1.lock().unwrap().push((*recipe, salt.len(), tag.len()));
            self.0.compute(recipe, password, salt, tag)
        }

        fn lend(&mut self, memory_kib: u32, work: &mut dyn FnMut()) -> Result<(), EngineError> {
            let cost = Cost { memory_kib, iterations: 0, parallelism: 0 };
            self.1.lock().unwrap().push((Recipe::current(cost), 0, 0));
            self.0.lend(memory_kib, work)
        }
    }

    fn workbench() -> (Workbench, Work) {
        let work = Work::default();
        let engine = Argon2Engine::new(COST, OversizePermit::default()).unwrap();
        (Workbench::new(Box::new(Counting(engine, work.clone())), COST, Notices::default()), work)
    }

    fn right(is_outdated: bool) -> Verification {
        Verification::Right { is_outdated }
    }

    #[test]
    fn a_password_is_right_for_its_hash_only() {
        let (mut workbench, _) = workbench();
        let password = Password::new("pässword 🦀");
        let hash = workbench.hash(&password).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=16,t=2,p=1$"));
        assert_ne!(hash, workbench.hash(&password).unwrap(), "the salt is new each time");
        assert_eq!(workbench.verify(Some(&hash), &password), Ok(right(false)));
        assert_eq!(workbench.verify(Some(&hash), &Password::new("password 🦀")), Ok(Verification::Wrong));
    }

    #[test]
    fn t53_nobody_has_no_password_not_even_the_empty_one() {
        let (mut workbench, _) = workbench();
        for password in ["", "password", " "] {
            assert_eq!(workbench.verify(None, &Password::new(password)), Ok(Verification::Wrong));
        }
    }

    #[test]
    fn t03_no_hash_and_a_bad_one_cost_what_a_wrong_password_costs() {
        let (mut workbench, work) = workbench();
        let hash = workbench.hash(&Password::new("right")).unwrap();
        let wrong = Password::new("wrong");
        let mut cost_of = |stored: Option<PasswordHash>| {
            work.lock().unwrap().clear();
            assert_eq!(workbench.verify(stored.as_ref(), &wrong), Ok(Verification::Wrong));
            work.lock().unwrap().clone()
        };
        let usual = cost_of(Some(hash));
        assert_eq!(usual, [(Recipe::current(COST), 16, 32)]);
        assert_eq!(cost_of(None), usual);
        for text in [
            "",
            "!",
            "$argon2id$v=19$m=16,t=2,p=1$ä",
            "$2b$12$KIXQ",
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "$2b$31$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
            "$scrypt$ln=30,r=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
            "pbkdf2_sha256$4294967295$seasalt$nf65EOgLrQMR/uIPnA4rEg==",
        ] {
            assert_eq!(cost_of(Some(PasswordHash::new(text.into()))), usual, "{text}");
        }
    }

    #[test]
    fn other_parameters_are_right_and_outdated() {
        let (mut workbench, _) = workbench();
        let password = Password::new("password");
        for answer in [
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        ] {
            let stored = PasswordHash::new(answer.into());
            assert_eq!(workbench.verify(Some(&stored), &password), Ok(right(true)), "{answer}");
            assert_eq!(workbench.verify(Some(&stored), &Password::new("Password")), Ok(Verification::Wrong));
        }
    }

    #[test]
    fn a_foreign_hash_is_right_for_its_password_and_outdated() {
        let (mut workbench, work) = workbench();
        for stored in [
            "$scrypt$ln=8,r=8,p=1$wlhLyXmP8b53bm1NKYVQqg$mTpvG8lzuuDk+DWz8HZIB6Vum6erDuUm0As5yU+VxWA",
            // What a new hash would be, but for the notation.
            &format!("argon2{}", workbench.hash(&Password::new("test")).unwrap().expose()),
        ] {
            let stored = PasswordHash::new(stored.into());
            assert_eq!(workbench.verify(Some(&stored), &Password::new("test")), Ok(right(true)));
            assert_eq!(workbench.verify(Some(&stored), &Password::new("tess")), Ok(Verification::Wrong));
        }
        let lent: Vec<_> = work.lock().unwrap().iter().filter(|(.., tag)| *tag == 0).copied().collect();
        // 2⁸ blocks of 1 KiB and two more, for the right and for the wrong password.
        assert_eq!(lent.iter().map(|(recipe, ..)| recipe.cost.memory_kib).collect::<Vec<_>>(), [258, 258]);
    }

    #[test]
    fn a_nul_at_the_end_is_not_overlooked_where_the_old_system_could_not_see_it() {
        let (mut workbench, _) = workbench();
        for stored in [
            "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
            "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=",
        ] {
            let stored = PasswordHash::new(stored.into());
            assert_eq!(workbench.verify(Some(&stored), &Password::new("lètmein")), Ok(right(true)));
            for typed in ["lètmein\0", "lètmein\0lètmein", "\0lètmein"] {
                let typed = Password::new(typed);
                assert_eq!(workbench.verify(Some(&stored), &typed), Ok(Verification::Wrong));
            }
        }
    }

    proptest! {
        #[test]
        fn hashes_move_between_this_and_another_implementation(typed in ".{0,60}") {
            let (mut workbench, _) = workbench();
            let password = Password::new(&typed);
            let ours = workbench.hash(&password).unwrap();
            let theirs = argon2::Argon2::default();
            let read = argon2::PasswordHash::new(ours.expose()).unwrap();
            prop_assert!(theirs.verify_password(password.as_bytes(), &read).is_ok());
            let params = argon2::Params::new(16, 2, 1, None).unwrap();
            let theirs = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
                .hash_password(password.as_bytes())
                .unwrap();
            let stored = PasswordHash::new(theirs.to_string());
            prop_assert_eq!(workbench.verify(Some(&stored), &password), Ok(right(false)));
        }

        #[test]
        fn t37_no_stored_text_panics_or_lets_anybody_in(text in any::<String>(), tail in "[$=,v0-9mtpé]{0,80}") {
            let (mut workbench, _) = workbench();
            for stored in [text, format!("$argon2id$v=19${tail}"), format!("$argon2id$v=19$m=16,t=2,p=1$c29tZXNhbHQ${tail}")] {
                let stored = PasswordHash::new(stored);
                prop_assert_eq!(workbench.verify(Some(&stored), &Password::new("password")), Ok(Verification::Wrong));
            }
        }
    }
}
