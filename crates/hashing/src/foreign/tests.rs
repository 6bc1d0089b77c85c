//! Answers that the formats' own documents and implementations give.

use proptest::prelude::*;

use super::*;

/// The password of Django's own tests.
const LETMEIN: &str = "lètmein";

/// Test vectors of passlib 1.7.4, `tests/test_handlers_bcrypt.py`: John the Ripper's and Openwall's.
const BCRYPT: [(&str, &str); 8] = [
    ("U*U*U*U*", "$2a$05$c92SVSfjeiCD6F2nAD6y0uBpJDjdRkt0EgeC4/31Rf2LUZbDRDE.O"),
    ("U*U***U", "$2a$05$WY62Xk2TXZ7EvVDQ5fmjNu7b0GEzSzUXUh2cllxJwhtOeMtWV3Ujq"),
    ("*U*U*U*U", "$2a$05$.WRrXibc1zPgIdRXYfv.4uu6TD1KWf0VnHzq/0imhUhuxSxCyeBs2"),
    ("", "$2a$05$Otz9agnajgrAe0.kFVF9V.tzaStZ2s1s4ZWi/LY4sw2k/MTVFj/IO"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    (
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789chars after 72 are ignored",
        "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
    ),
    // As Django 5.2 with bcrypt 5.0 makes it.
    (LETMEIN, "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm"),
];

/// RFC 7914 §12 in PHC notation, then passlib's own.
const SCRYPT: [(&str, &str); 5] = [
    (
        "",
        "$scrypt$ln=4,r=1,p=1$$d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEL80Aad7QlI+DJqdToPyB8X6NPg+y4NNijPNeIMONGJBg",
    ),
    (
        "password",
        "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA",
    ),
    (
        "pleaseletmein",
        "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
    ),
    ("táБℓə", "$scrypt$ln=7,r=8,p=1$jjGmtDamdA4BQAjBeA9BSA$OiWRHhQtpDx7M/793x6UXK14AD512jg/qNm/hkWZG4M"),
    ("nacl", "$scrypt$r=4,p=2,ln=1$yhnD+J+Tci4lZCwFgHCuVQ$fAsEWmxSHuC0cHKMwKVFPzrQukgvK09Sj+NueTSxKds"),
];

/// RFC 6070, RFC 7914 §11, then passlib's `tests/test_handlers_pbkdf2.py`.
const PBKDF2: [(&str, &str); 8] = [
    ("password", "$pbkdf2-sha1$i=4096,l=20$c2FsdA$SwB5AbdlSJq+rUnZJvch0GWkKcE"),
    (
        "passwordPASSWORDpassword",
        "$pbkdf2$i=4096$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$PS7sT+QchJuAyNg2YsDkSospGpZM8vBwOA",
    ),
    (
        "passwd",
        "$pbkdf2-sha256$i=1,l=64$c2FsdA$VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw",
    ),
    (
        "Password",
        "$pbkdf2-sha256$i=80000,l=64$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ",
    ),
    ("password", "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"),
    ("password", "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"),
    ("Ιωαννης", "$pbkdf2-sha256$1212$3SABFJGDtyhrQMVt1uABPw$WyaUoqCLgvz97s523nF4iuOqZNbp5Nt8do/cuaa7AiI"),
    (
        "password",
        "$pbkdf2-sha512$1212$RHY0Fr3IDMSVO/RSZyb5ow$eNLfBK.eVozomMr.1gYa17k9B7KIK25NOEshvhrSX.esqY3s.FvWZViXz4KoLlQI.BzY/YTNJOiKc5gBYFYGww",
    ),
];

/// As Django 5.2 makes them. The first and the third are in its `tests/auth_tests/test_hashers.py`, too.
const DJANGO: [(&str, &str); 8] = [
    (LETMEIN, "pbkdf2_sha256$1000000$seasalt$r1uLUxoxpP2Ued/qxvmje7UH9PUJBkRrvf9gGPL7Cps="),
    (LETMEIN, "pbkdf2_sha1$1000$seasalt$ljleU4wBmTtz/MoG5YTwxpM0d7I="),
    (
        LETMEIN,
        "scrypt$16384$seasalt$8$5$ECMIUp+LMxMSK8xB/IVyba+KYGTI7FTnet025q/1f/vBAVnnP3hdYqJuRi+mJn6ji6ze3Fbb7JEFPKGpuEf5vw==",
    ),
    (
        LETMEIN,
        "scrypt$1024$seasalt$8$2$ylBb6daEEOiWv715RdZjAQY2sCZyviI8Gk4Qz8egzdPcZ5baGOYhkjwKYX65XisU8LUU4Bb+tGgXztJ63qDLlQ==",
    ),
    (LETMEIN, "bcrypt$$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm"),
    (LETMEIN, "bcrypt_sha256$$2b$04$wQEFqFpGSGOdFTtlMDmLhu0H6nNxElxIi.T7AmcHBc82lRpoigpXu"),
    (LETMEIN, "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A="),
    // Salt and tag as a URL would have them.
    (LETMEIN, "pbkdf2_sha256$1000$seasalt$JgZryXe2Ga8ysg6XbzkLpTdyPQrHqsinbL9BnnhgX4A"),
];

/// The one in Firebase's README, the one in the tests of Supabase's auth server, and the first for URLs.
const FIREBASE: [(&str, &str); 3] = [
    (
        "user1password",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==",
    ),
    (
        "mytestpassword",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=ou9tdYTGyYm8kuR6Dt0Bp0kDuAYoXrK16mbZO4yGwAn3oLspjnN0/c41v8xZnO1n14J3MjKj1b2g6AUCAlFwMw==$C0sHCg9ek77hsg==$zKVTMvnWVw5BBOZNUdnsalx4c4c7y/w7IS5p6Ut2+CfEFFlz37J9huyQfov4iizN8dbjvEJlM5tQaJP84+hfTw==",
    ),
    (
        "user1password",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA$42xEC-ixf3L2lw$lSrfV15cpx95_sZS2W9c9Kp6i_LVgQNDNC_qzrCnh1SAyZvqmZqAjTdn3aoItz-VHjoZilo78198JAdRuid5lQ",
    ),
];

fn is_password(stored: &str, password: &[u8]) -> bool {
    let Ok(Stored::Foreign(hash)) = Stored::read(stored) else { panic!("{stored} is not read") };
    let mut computed = vec![0; hash.tag().len()];
    hash.compute(password, &mut computed).unwrap();
    computed == hash.tag()
}

fn refusal(stored: &str) -> Unverifiable {
    match Stored::read(stored) {
        Ok(_) => panic!("{stored} is read"),
        Err(refusal) => refusal.reason,
    }
}

fn have_their_passwords(answers: &[(&str, &str)]) {
    for (password, stored) in answers {
        assert!(is_password(stored, password.as_bytes()), "{stored}");
        assert!(!is_password(stored, format!("x{password}").as_bytes()), "{stored}");
    }
}

#[test]
fn bcrypt_gives_the_known_answers() {
    have_their_passwords(&BCRYPT);
    for kind in ["2a", "2b", "2y"] {
        let stored = format!("${kind}$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq");
        assert!(is_password(&stored, b"\xa3"), "{stored}");
        assert!(!is_password(&stored, b"\xa2"), "{stored}");
    }
}

#[test]
fn scrypt_gives_the_known_answers() {
    have_their_passwords(&SCRYPT);
}

#[test]
fn pbkdf2_gives_the_known_answers() {
    have_their_passwords(&PBKDF2);
}

#[test]
fn django_gives_the_known_answers() {
    have_their_passwords(&DJANGO);
}

#[test]
fn firebase_gives_the_known_answers() {
    have_their_passwords(&FIREBASE);
}

#[test]
fn djangos_argon2_is_read_with_its_eight_lanes() {
    let text = "argon2$argon2id$v=19$m=102400,t=2,p=8$c2Vhc2FsdHNlYXNhbHQ$5X8M3A6KY2o98xsl1DnfJpaxc9OdBrgUbl3HjifV1qo";
    let Ok(Stored::Argon2 { hash, is_wrapped: true }) = Stored::read(text) else { panic!("not read") };
    assert_eq!(format!("argon2{hash}"), text);
    assert!(matches!(Stored::read(&hash.to_string()), Ok(Stored::Argon2 { is_wrapped: false, .. })));
}

#[test]
fn t36_bcrypt_sees_72_bytes_and_not_one_more() {
    let stored = "$2b$04$wQEFqFpGSGOdFTtlMDmLhuWpF2u/8GFMpZ2vdsY/dbtI98OceW78y";
    for (length, is_right) in [(70, false), (71, false), (72, true), (73, true), (1000, true)] {
        assert_eq!(is_password(stored, &vec![b'a'; length]), is_right, "{length}");
    }
    // Of 71 bytes, the NUL that ends them is the 72nd.
    let stored = "$2b$04$wQEFqFpGSGOdFTtlMDmLhu4Upfxn.9antLLWVWxfBEnESRrp8dE/W";
    assert!(is_password(stored, &[b'a'; 71]) && !is_password(stored, &[b'a'; 72]));
    // In the middle of a character, too.
    let stored = "$2b$04$wQEFqFpGSGOdFTtlMDmLhuD9.cSZcPYKUFM.6tUs3ptqcba2/8cCa";
    assert!(is_password(stored, "é".repeat(36).as_bytes()) && is_password(stored, "é".repeat(40).as_bytes()));
    // Django's way around it has none of this.
    let stored = "bcrypt_sha256$$2b$04$wQEFqFpGSGOdFTtlMDmLhu0H6nNxElxIi.T7AmcHBc82lRpoigpXu";
    assert!(!is_password(stored, format!("{LETMEIN}{}", "a".repeat(72)).as_bytes()));
}

#[test]
fn parameters_out_of_bounds_are_refused_before_anything_is_computed() {
    let long = "A".repeat(200);
    let tag = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for stored in [
        "$2b$03$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm".to_owned(),
        "$2b$16$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm".to_owned(),
        "$2b$99$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm".to_owned(),
        "bcrypt_sha256$$2b$31$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm".to_owned(),
        format!("$scrypt$ln=19,r=8,p=1$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=18,r=9,p=1$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=18,r=8,p=3$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=1,r=1,p=4294967295$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=1,r=4294967295,p=1$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=31,r=4294967295,p=4294967295$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=64,r=8,p=1$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=256,r=8,p=1$c29tZXNhbHQ${tag}"),
        format!("$scrypt$ln=14,r=8,p=1${long}${tag}"),
        "$scrypt$ln=14,r=8,p=1$c29tZXNhbHQ$nf65EOgLrQMR".to_owned(),
        format!("scrypt$2147483648$seasalt$8$5${tag}"),
        format!("$pbkdf2-sha256$3000001$c29tZXNhbHQ${tag}"),
        format!("$pbkdf2-sha256$i=4294967295$c29tZXNhbHQ${tag}"),
        // Two stretches of SHA-1, at all the iterations each.
        format!("$pbkdf2$i=1500001$c29tZXNhbHQ${tag}"),
        format!("pbkdf2_sha256$3000001$seasalt${tag}="),
        format!("pbkdf2_sha256$1000$seasalt${long}"),
        format!("$fbscrypt$v=1,n=19,r=8,p=1,ss=Bw==,sk={tag}$c29tZXNhbHQ${tag}"),
        format!("pbkdf2_sha256$1000$seasalt${tag}{}", "=".repeat(512)),
    ] {
        assert_eq!(refusal(&stored), Unverifiable::OutOfBounds, "{stored}");
    }
}

#[test]
fn the_bounds_themselves_are_within() {
    let tag = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for (stored, memory_kib) in [
        ("$2b$15$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm".to_owned(), 0),
        (format!("$scrypt$ln=18,r=8,p=2$c29tZXNhbHQ${tag}"), 256 * 1024 + 3),
        (format!("$scrypt$ln=14,r=8,p=1$c29tZXNhbHQ${tag}"), 16 * 1024 + 2),
        (format!("$pbkdf2-sha256$i=3000000,l=32$c29tZXNhbHQ${tag}"), 0),
        (format!("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk={tag}$c29tZXNhbHQ${tag}"), 16 * 1024 + 2),
    ] {
        let Ok(Stored::Foreign(hash)) = Stored::read(&stored) else { panic!("{stored} is not read") };
        assert_eq!(hash.memory_kib(), memory_kib, "{stored}");
    }
}

#[test]
fn t37_what_is_no_hash_of_a_known_form_is_unreadable() {
    let tag = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    for stored in [
        "",
        "password",
        "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
        "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
        "$2$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
        "$2b$5$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        "$2b$+4$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOt",
        "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtmm",
        "$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm$",
        "$2b$04$wQEFqFpGSGOdFTtlMDmLéuncYdvp/Shr64jfn0bYOmAsaXoPCLOt",
        "bcrypt$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        "bcrypt$$2x$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        &format!("$scrypt$ln=14,r=8$c29tZXNhbHQ${tag}"),
        &format!("$scrypt$ln=14,r=8,p=1,p=1$c29tZXNhbHQ${tag}"),
        &format!("$scrypt$ln=14,r=8,p=0$c29tZXNhbHQ${tag}"),
        &format!("$scrypt$ln=0,r=8,p=1$c29tZXNhbHQ${tag}"),
        &format!("$scrypt$ln=+1,r=8,p=1$c29tZXNhbHQ${tag}"),
        &format!("scrypt$0$seasalt$8$1${tag}"),
        &format!("scrypt$16383$seasalt$8$1${tag}"),
        &format!("$pbkdf2-sha3$1000$c29tZXNhbHQ${tag}"),
        &format!("$pbkdf2-sha256$0$c29tZXNhbHQ${tag}"),
        &format!("$pbkdf2-sha256$i=1000,l=31$c29tZXNhbHQ${tag}"),
        &format!("$pbkdf2-sha256$l=32$c29tZXNhbHQ${tag}"),
        &format!("$pbkdf2-sha256$01212$c29tZXNhbHQ${tag}"),
        &format!("$pbkdf2-sha256$1212$c29tZXNhbHQ${tag}$"),
        &format!("pbkdf2_md5$1000$seasalt${tag}="),
        &format!("pbkdf2_sha256$٢٥٦$seasalt${tag}="),
        &format!("$fbscrypt$v=2,n=14,r=8,p=1,ss=Bw==,sk={tag}$c29tZXNhbHQ${tag}"),
        &format!("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=Bw==$c29tZXNhbHQ${tag}"),
        &format!("$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$c29tZXNhbHQ${tag}"),
        "argon2$bcrypt$$2b$04$wQEFqFpGSGOdFTtlMDmLhuncYdvp/Shr64jfn0bYOmAsaXoPCLOtm",
        "argon2$argon2$argon2id$v=19$m=16,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
    ] {
        assert_eq!(refusal(stored), Unverifiable::Unreadable, "{stored}");
    }
}

fn known() -> impl Strategy<Value = String> {
    let all = [&BCRYPT[..], &SCRYPT, &PBKDF2, &DJANGO, &FIREBASE].concat();
    prop::sample::select(all).prop_map(|(_, stored)| stored.to_owned())
}

proptest! {
    #[test]
    fn t37_no_text_panics(
        text in any::<String>(),
        tail in "[$=,.v0-9lnrpisk+/A-Za-zé\u{0}]{0,300}",
        form in prop::sample::select(FORMS.map(|(prefix, ..)| prefix).to_vec()),
    ) {
        let _ = Stored::read(&text);
        let _ = Stored::read(&format!("{form}{text}"));
        let _ = Stored::read(&format!("{form}{tail}"));
    }

    #[test]
    fn t37_no_change_to_a_hash_panics_or_leaves_the_bounds(
        stored in known(),
        at in any::<prop::sample::Index>(),
        length in 0_usize..4,
        put in "[$=,.0-9Aé\u{0}🦀]{0,4}",
    ) {
        let mut characters: Vec<char> = stored.chars().collect();
        let from = at.index(characters.len());
        let to = (from + length).min(characters.len());
        characters.splice(from..to, put.chars());
        if let Ok(Stored::Foreign(hash)) = Stored::read(&characters.into_iter().collect::<String>()) {
            prop_assert!(hash.memory_kib() <= 257 * 1024);
            prop_assert!(hash.tag().len() == 23 || TAG_LENGTHS.contains(&hash.tag().len()));
        }
    }
}
