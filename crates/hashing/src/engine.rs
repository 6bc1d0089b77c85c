//! Argon2 itself: the only file that knows which library computes it.

use std::sync::{Arc, Mutex, PoisonError};

use argon2_rust::{
    Algorithm, Argon2, Hasher, Params,
    params::{Memory, TagLen},
};

use crate::phc::{Cost, Recipe, TAG_LENGTH, Variant, Version};

/// Computes tags. Each hashing thread owns one.
pub(crate) trait Engine: Send {
    /// Fills `tag` with the Argon2 tag of `password` and `salt`.
    fn compute(
        &mut self,
        recipe: &Recipe,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), EngineError>;

    /// Does other work that takes memory of its own, within the same bounds.
    fn lend(&mut self, memory_kib: u32, work: &mut dyn FnMut()) -> Result<(), EngineError>;
}

/// Why there is no tag: no memory, or a recipe that Argon2 is not defined for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Argon2 failed: {0}")]
pub(crate) struct EngineError(argon2_rust::Error);

#[cfg(test)]
impl EngineError {
    pub(crate) const fn out_of_memory() -> Self {
        Self(argon2_rust::Error::MemoryAllocationError)
    }
}

/// Lets one verification at a time use more memory than a hashing thread keeps; shared by the threads of a pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct OversizePermit(Arc<Mutex<()>>);

/// Argon2 in an arena that is mapped at the first hash, wiped after every one and kept until the thread ends.
pub(crate) struct Argon2Engine {
    hasher: Hasher,
    arena_kib: u32,
    oversize: OversizePermit,
}

impl Argon2Engine {
    /// An engine whose arena holds one hash of `cost`.
    pub(crate) fn new(cost: Cost, oversize: OversizePermit) -> Result<Self, EngineError> {
        let argon2 = argon2(&Recipe::current(cost), TAG_LENGTH)?;
        Ok(Self { hasher: argon2.hasher(), arena_kib: cost.memory_kib, oversize })
    }
}

impl Engine for Argon2Engine {
    fn compute(
        &mut self,
        recipe: &Recipe,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), EngineError> {
        let argon2 = argon2(recipe, tag.len())?;
        if recipe.cost.memory_kib > self.arena_kib {
            // An arena of its own, given back at once: what one row asks for must not become this thread's size.
            let _one_at_a_time = self.oversize.0.lock().unwrap_or_else(PoisonError::into_inner);
            return argon2.hash_into(password, salt, tag).map_err(EngineError);
        }
        self.hasher.set_argon2(argon2);
        self.hasher.hash_into(password, salt, tag).map_err(EngineError)
    }

    fn lend(&mut self, memory_kib: u32, work: &mut dyn FnMut()) -> Result<(), EngineError> {
        let is_oversize = memory_kib > self.arena_kib;
        let _one_at_a_time =
            is_oversize.then(|| self.oversize.0.lock().unwrap_or_else(PoisonError::into_inner));
        if memory_kib > 0 && !is_oversize {
            // It takes the arena's place; the next hash maps it anew.
            self.hasher.clear();
        }
        is_to_be_had(memory_kib as usize)?;
        work();
        Ok(())
    }
}

/// Whether there is so much memory: those who allocate it next would end the process where there is not.
fn is_to_be_had(memory_kib: usize) -> Result<(), EngineError> {
    let out_of_memory = EngineError(argon2_rust::Error::MemoryAllocationError);
    let bytes = memory_kib.checked_mul(1024).ok_or(out_of_memory)?;
    Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| out_of_memory)
}

/// Whether two tags are the same, in a time that does not tell where they differ.
pub(crate) fn is_same_tag(computed: &[u8], stored: &[u8]) -> bool {
    argon2_rust::constant_time_eq(computed, stored)
}

/// The instruction set that computes here.
pub(crate) fn instruction_set() -> String {
    argon2_rust::detected_backend().to_string()
}

fn argon2(recipe: &Recipe, tag_length: usize) -> Result<Argon2, EngineError> {
    let algorithm = match recipe.variant {
        Variant::Argon2d => Algorithm::Argon2d,
        Variant::Argon2i => Algorithm::Argon2i,
        Variant::Argon2id => Algorithm::Argon2id,
    };
    let version = match recipe.version {
        Version::V0x10 => argon2_rust::Version::V0x10,
        Version::V0x13 => argon2_rust::Version::V0x13,
    };
    let params = Params::builder()
        .memory(Memory::kib(u64::from(recipe.cost.memory_kib)))
        .passes(recipe.cost.iterations)
        .lanes(recipe.cost.parallelism)
        // No threads beside the pool's own: the lanes of one hash are computed one after the other.
        .threads(1)
        .tag_len(TagLen::bytes(tag_length as u64))
        .build()
        .map_err(EngineError)?;
    Ok(Argon2::new(algorithm, version, params))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: Cost = Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn engine() -> Argon2Engine {
        Argon2Engine::new(SMALL, OversizePermit::default()).unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_9106_come_out() {
        for (variant, tag) in [
            (Variant::Argon2d, "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb"),
            (Variant::Argon2i, "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8"),
            (Variant::Argon2id, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
        ] {
            let cost = Cost { memory_kib: 32, iterations: 3, parallelism: 4 };
            let recipe = Recipe { variant, version: Version::V0x13, cost };
            let mut hasher = argon2(&recipe, 32).unwrap().hasher();
            let mut computed = [0; 32];
            hasher.hash_into_with_ad(&[1; 32], &[2; 16], &[3; 8], &[4; 12], &mut computed).unwrap();
            for (byte, hex) in computed.iter().zip(tag.as_bytes().chunks(2)) {
                assert_eq!(format!("{byte:02x}").as_bytes(), hex, "{variant:?}");
            }
        }
    }

    #[test]
    fn a_larger_hash_leaves_the_arena_as_it_is() {
        let mut engine = engine();
        let mut compute = |memory_kib| {
            let recipe = Recipe::current(Cost { memory_kib, ..SMALL });
            engine.compute(&recipe, b"password", b"somesalt", &mut [0; 32]).unwrap();
            engine.hasher.reserved_blocks()
        };
        assert_eq!([compute(64), compute(1024), compute(8), compute(64)], [64; 4]);
    }

    #[test]
    fn a_larger_hash_waits_for_the_one_before_it() {
        let permit = OversizePermit::default();
        let mut engine = Argon2Engine::new(SMALL, permit.clone()).unwrap();
        let held = permit.0.lock().unwrap();
        // What fits into the arena needs no permit, so this line would hang if it asked for one.
        engine.compute(&Recipe::current(SMALL), b"password", b"somesalt", &mut [0; 32]).unwrap();
        let (done, is_done) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || {
            let recipe = Recipe::current(Cost { memory_kib: 128, ..SMALL });
            engine.compute(&recipe, b"password", b"somesalt", &mut [0; 32]).unwrap();
            done.send(()).unwrap();
        });
        assert!(is_done.try_recv().is_err());
        drop(held);
        is_done.recv().unwrap();
        waiting.join().unwrap();
    }

    #[test]
    fn other_work_takes_the_place_of_the_arena_or_waits_as_a_larger_hash_does() {
        let permit = OversizePermit::default();
        let mut engine = Argon2Engine::new(SMALL, permit.clone()).unwrap();
        let mut arena_and_permit_at = |memory_kib| {
            engine.compute(&Recipe::current(SMALL), b"password", b"somesalt", &mut [0; 32]).unwrap();
            let mut is_free = None;
            engine.lend(memory_kib, &mut || is_free = Some(permit.0.try_lock().is_ok())).unwrap();
            (engine.hasher.reserved_blocks(), is_free.unwrap())
        };
        assert_eq!(arena_and_permit_at(0), (64, true));
        assert_eq!(arena_and_permit_at(64), (0, true));
        assert_eq!(arena_and_permit_at(65), (64, false));
    }

    #[test]
    fn memory_that_is_not_to_be_had_is_an_error_and_not_the_end() {
        assert_eq!(is_to_be_had(1024), Ok(()));
        // No address space is so large.
        assert_eq!(is_to_be_had((1 << 53) - 1), Err(EngineError::out_of_memory()));
        assert_eq!(is_to_be_had(usize::MAX), Err(EngineError::out_of_memory()));
    }

    #[test]
    fn a_recipe_without_meaning_is_an_error() {
        for cost in [
            Cost { memory_kib: 7, ..SMALL },
            Cost { iterations: 0, ..SMALL },
            Cost { parallelism: 0, ..SMALL },
        ] {
            assert!(Argon2Engine::new(cost, OversizePermit::default()).is_err(), "{cost:?}");
        }
        assert!(!is_same_tag(b"abc", b"abcd"));
        assert!(is_same_tag(b"abc", b"abc"));
    }

    fn oracle(recipe: &Recipe, password: &[u8], salt: &[u8], tag: &mut [u8]) {
        let algorithm = match recipe.variant {
            Variant::Argon2d => argon2::Algorithm::Argon2d,
            Variant::Argon2i => argon2::Algorithm::Argon2i,
            Variant::Argon2id => argon2::Algorithm::Argon2id,
        };
        let version = match recipe.version {
            Version::V0x10 => argon2::Version::V0x10,
            Version::V0x13 => argon2::Version::V0x13,
        };
        let Cost { memory_kib, iterations, parallelism } = recipe.cost;
        let params = argon2::Params::new(memory_kib, iterations, parallelism, Some(tag.len())).unwrap();
        argon2::Argon2::new(algorithm, version, params).hash_password_into(password, salt, tag).unwrap();
    }

    fn any_recipe() -> impl Strategy<Value = Recipe> {
        let variant = prop_oneof![Just(Variant::Argon2d), Just(Variant::Argon2i), Just(Variant::Argon2id)];
        let version = prop_oneof![Just(Version::V0x10), Just(Version::V0x13)];
        (variant, version, 0_u32..400, 1_u32..5, 1_u32..=4).prop_map(
            |(variant, version, extra_kib, iterations, parallelism)| {
                let memory_kib = 8 * parallelism + extra_kib;
                Recipe { variant, version, cost: Cost { memory_kib, iterations, parallelism } }
            },
        )
    }

    proptest! {
        #[test]
        fn every_tag_is_the_one_that_another_implementation_computes(
            // Several in a row with one engine, so that a reused arena is what is tested.
            hashes in prop::collection::vec((
                any_recipe(),
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec(any::<u8>(), 8..=64),
                16_usize..=64,
            ), 1..6),
        ) {
            let mut engine = Argon2Engine::new(Cost { memory_kib: 200, ..SMALL }, OversizePermit::default()).unwrap();
            for (recipe, password, salt, length) in hashes {
                let (mut ours, mut theirs) = (vec![0; length], vec![0; length]);
                engine.compute(&recipe, &password, &salt, &mut ours).unwrap();
                oracle(&recipe, &password, &salt, &mut theirs);
                prop_assert_eq!(ours, theirs, "{:?}", recipe);
            }
        }
    }
}
