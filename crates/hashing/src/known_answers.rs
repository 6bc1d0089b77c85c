//! The check before the first hash: Argon2 on this machine gives the answers it should.
//!
//! The library picks its instructions at run time, so tests on one machine say little about another. A wrong hash is not
//! seen until the library is exchanged, and then everybody is locked out.

use crate::{
    engine::{Argon2Engine, OversizePermit, instruction_set},
    phc::{Cost, StoredHash},
    workbench::is_password,
};

/// The answers' largest memory: small enough to be checked at every start.
const ARENA: Cost = Cost { memory_kib: 1024, iterations: 1, parallelism: 1 };

/// The password of the answers that have none of their own.
const PASSWORD: &str = "password";

/// Longer than a block of `BLAKE2b`, and not ASCII.
const LONG_PASSWORD: &str = "Ångström × Ångström = Ångström². Ångström × Ångström = Ångström². \
                             Ångström × Ångström = Ångström². Ångström × Ångström = Ångström².";

/// Passwords and what they hash to. The first four are the reference implementation's (`src/test.c`); all are compared
/// with `RustCrypto`'s in the tests.
const ANSWERS: [(&str, &str); 7] = [
    (PASSWORD, "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"),
    (PASSWORD, "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc"),
    (PASSWORD, "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8"),
    (PASSWORD, "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"),
    (
        PASSWORD,
        "$argon2d$v=19$m=64,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$WOW3mC8HWxoc4hQ067uZrQi372Q0q0KhS3f03K3Qs8c",
    ),
    (
        LONG_PASSWORD,
        "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$TthmNrA6//zmONw6UZQUoON3vdpBfnvs2ClDHdQY9HA",
    ),
    (
        LONG_PASSWORD,
        "$argon2id$v=19$m=1024,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$0cMxCU9jAZslA0UzZ+IPHf+7sdhiWPZCY00r4a0RIRc",
    ),
];

/// Argon2 on this machine computes something else than Argon2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Argon2 computes wrong hashes on this machine (known answer {number} of {}, instructions {instruction_set}); \
     passwords hashed here could be verified nowhere else, so nothing is started",
    ANSWERS.len()
)]
pub struct WrongAnswer {
    number: usize,
    instruction_set: String,
}

/// Computes every answer, and that a similar password does not have it.
pub(crate) fn check() -> Result<(), WrongAnswer> {
    let wrong = |number| WrongAnswer { number, instruction_set: instruction_set() };
    let mut engine = Argon2Engine::new(ARENA, OversizePermit::default()).map_err(|_| wrong(0))?;
    for (number, (password, answer)) in (1..).zip(ANSWERS) {
        let mut is_answer = |password: &str| {
            let stored = StoredHash::parse(answer).ok()?;
            is_password(&mut engine, &stored, password.as_bytes()).ok()
        };
        if is_answer(password) != Some(true) || is_answer(&format!("{password} ")) != Some(false) {
            return Err(wrong(number));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHash, PasswordVerifier};

    use super::*;

    #[test]
    fn this_machine_knows_the_answers() {
        check().unwrap();
    }

    #[test]
    fn the_answers_are_right_elsewhere_too() {
        for (password, answer) in ANSWERS {
            // RustCrypto's takes a string without a version for one of 0x13, the reference for one of 0x10.
            let answer = answer.replace("$argon2i$m=", "$argon2i$v=16$m=");
            let hash = PasswordHash::new(&answer).unwrap();
            argon2::Argon2::default().verify_password(password.as_bytes(), &hash).unwrap();
        }
    }

    #[test]
    fn the_refusal_is_a_sentence() {
        let refusal = WrongAnswer { number: 3, instruction_set: "avx2".into() };
        assert_eq!(
            refusal.to_string(),
            "Argon2 computes wrong hashes on this machine (known answer 3 of 7, instructions avx2); passwords hashed \
             here could be verified nowhere else, so nothing is started"
        );
    }
}
