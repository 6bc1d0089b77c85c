//! Firebase's scrypt: `$fbscrypt$v=1,n=14,r=8,p=1,ss=<separator>,sk=<signer key>$<salt>$<tag>`, the notation in which
//! Supabase keeps it.
//!
//! The password's scrypt is not compared: it is the key under which the project's signer key is encrypted, and the
//! outcome is the tag (<https://github.com/firebase/scrypt>).

use aws_lc_rs::{
    cipher::{AES_256, AES_256_KEY_LEN, DecryptingKey, DecryptionContext, UnboundCipherKey},
    iv::FixedLength,
};
use zeroize::Zeroizing;

use super::{
    Foreign, Stored,
    scrypt::Cost,
    text::{base64, bounded, fields, number, values},
};
use crate::phc::Unverifiable;

struct Firebase {
    cost: Cost,
    salt: Vec<u8>,
    signer_key: Zeroizing<Vec<u8>>,
    tag: Vec<u8>,
}

pub(super) fn read(text: &str) -> Result<Stored, Unverifiable> {
    let [_, _, list, salt, tag] = fields(text)?;
    let names = ["v", "n", "r", "p", "ss", "sk"];
    let [Some("1"), Some(log_n), Some(r), Some(p), Some(separator), Some(signer_key)] = values(list, names)?
    else {
        return Err(Unverifiable::Unreadable);
    };
    let cost = Cost::bounded(number(log_n)?, number(r)?, number(p)?)?;
    let mut salt = base64(salt)?;
    salt.extend(base64(separator)?);
    let (salt, tag) = bounded(salt, base64(tag)?)?;
    let signer_key = Zeroizing::new(base64(signer_key)?);
    if signer_key.len() != tag.len() {
        return Err(Unverifiable::Unreadable);
    }
    Ok(Stored::foreign(Firebase { cost, salt, signer_key, tag }))
}

impl Foreign for Firebase {
    fn memory_kib(&self) -> u32 {
        self.cost.memory_kib()
    }

    fn tag(&self) -> &[u8] {
        &self.tag
    }

    fn compute(&self, password: &[u8], tag: &mut [u8]) -> Option<()> {
        let mut key = Zeroizing::new([0; AES_256_KEY_LEN]);
        self.cost.derive(password, &self.salt, &mut *key)?;
        let key = UnboundCipherKey::new(&AES_256, &*key).ok()?;
        tag.copy_from_slice(&self.signer_key);
        // In counter mode encrypting is decrypting, and only that takes a counter of one's own: it begins at zero.
        let counter = DecryptionContext::Iv128(FixedLength::from([0; 16]));
        DecryptingKey::ctr(key).ok()?.decrypt(tag, counter).ok()?;
        Some(())
    }
}
