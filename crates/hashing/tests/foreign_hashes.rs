//! Imported hashes through the pool, from the first login to the hash that replaces them.
#![expect(clippy::unwrap_used, reason = "tests; the functions they share are not marked as tests")]

use vestibule_core::{
    ports::hasher::{PasswordHasher, Verification},
    values::{
        client::ClientNetwork,
        password::{Password, PasswordHash},
    },
};
use vestibule_hashing::{HashingConfig, HashingPool};

const OUTDATED: Verification = Verification::Right { is_outdated: true };

/// Made by Django 5.2 of the password `lètmein`; one of them written in PHC form.
const IMPORTED: [&str; 8] = [
    "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
    "bcrypt$$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
    "bcrypt_sha256$$2b$04$wQEFqFpGSGOdFTtlMDmLhu0H6nNxElxIi.T7AmcHBc82lRpoigpXu",
    "scrypt$1024$seasalt$8$2$ylBb6daEEOiWv715RdZjAQY2sCZyviI8Gk4Qz8egzdPcZ5baGOYhkjwKYX65XisU8LUU4Bb+tGgXztJ63qDLlQ==",
    "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A=",
    "$pbkdf2-sha256$i=1000$c2Vhc2FsdA$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A",
    "pbkdf2_sha1$1000$seasalt$ljleU4wBmTtz/MoG5YTwxpM0d7I=",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$c2Vhc2FsdHNlYXNhbHQ$5X8M3A6KY2o98xsl1DnfJpaxc9OdBrgUbl3HjifV1qo",
];

struct Fixture(HashingPool);

impl Fixture {
    fn new() -> Self {
        Self(HashingPool::start(HashingConfig::cheap_for_tests()).unwrap())
    }

    async fn verify(&self, stored: &str, password: &str) -> Verification {
        let stored = Some(PasswordHash::new(stored.into()));
        self.0.verify(stored, Password::new(password), ClientNetwork::LOCAL).await.unwrap()
    }

    async fn hash(&self, password: &str) -> String {
        let hash = self.0.hash(Password::new(password), ClientNetwork::LOCAL).await.unwrap();
        hash.expose().to_owned()
    }
}

#[tokio::test]
async fn an_imported_password_is_right_and_its_hash_outdated_until_it_is_replaced() {
    let pool = Fixture::new();
    for stored in IMPORTED {
        assert_eq!(pool.verify(stored, "lètmein").await, OUTDATED, "{stored}");
        for wrong in ["letmein", "lètmein ", "Lètmein", "", stored] {
            assert_eq!(pool.verify(stored, wrong).await, Verification::Wrong, "{stored}");
        }
    }
    let replacement = pool.hash("lètmein").await;
    assert_eq!(pool.verify(&replacement, "lètmein").await, Verification::Right { is_outdated: false });
}

#[tokio::test]
async fn t27_an_accent_typed_apart_is_the_same_password_to_imported_hashes_too() {
    let pool = Fixture::new();
    for stored in IMPORTED {
        assert_eq!(pool.verify(stored, "le\u{300}tmein").await, OUTDATED, "{stored}");
    }
}

#[tokio::test]
async fn t36_a_long_password_is_right_as_bcrypt_saw_it_and_its_replacement_sees_all_of_it() {
    let pool = Fixture::new();
    let bcrypt = "$2b$04$wQEFqFpGSGOdFTtlMDmLhuWpF2u/8GFMpZ2vdsY/dbtI98OceW78y";
    let (typed, other) = ("a".repeat(80), "a".repeat(72) + "another end");
    assert_eq!(pool.verify(bcrypt, &typed).await, OUTDATED);
    assert_eq!(pool.verify(bcrypt, &other).await, OUTDATED);
    assert_eq!(pool.verify(bcrypt, &"a".repeat(71)).await, Verification::Wrong);
    let replacement = pool.hash(&typed).await;
    assert_eq!(pool.verify(&replacement, &typed).await, Verification::Right { is_outdated: false });
    assert_eq!(pool.verify(&replacement, &other).await, Verification::Wrong);
}

#[tokio::test]
async fn t37_a_foreign_hash_that_asks_for_too_much_lets_nobody_in() {
    let pool = Fixture::new();
    for stored in [
        "$2b$31$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        "$2x$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        "$scrypt$ln=63,r=4294967295,p=4294967295$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
        "pbkdf2_sha256$4294967295$sälz🦀$nf65EOgLrQMR/uIPnA4rEg==",
        "lètmein",
    ] {
        assert_eq!(pool.verify(stored, "lètmein").await, Verification::Wrong, "{stored}");
    }
}
