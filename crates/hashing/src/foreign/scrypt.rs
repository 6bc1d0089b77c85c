//! scrypt (RFC 7914): `$scrypt$ln=17,r=8,p=1$<salt>$<tag>`, and Django's `scrypt$<N>$<salt>$<r>$<p>$<tag>`.

use super::{
    Foreign, Stored,
    text::{base64, bounded, fields, number, values},
};
use crate::phc::{MAX_COST, Unverifiable};

/// The most of N · r · p: four times what OWASP recommends, somewhat more than a second.
const MAX_WORK: u64 = 1 << 22;

/// What scrypt costs, within bounds.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    params: ::scrypt::Params,
    memory_kib: u32,
}

impl Cost {
    /// Takes the logarithm of N, r and p.
    pub(super) fn bounded(log_n: u32, r: u32, p: u32) -> Result<Self, Unverifiable> {
        if log_n == 0 || r == 0 || p == 0 {
            return Err(Unverifiable::Unreadable);
        }
        let log_n = u8::try_from(log_n).ok().filter(|&log_n| log_n < 32).ok_or(Unverifiable::OutOfBounds)?;
        let block = u64::from(r) * 128;
        // RFC 7914 §2: N blocks, besides p that are mixed and one to mix them in.
        let blocks = (1_u64 << log_n).saturating_mul(block);
        let work = (1_u64 << log_n).saturating_mul(u64::from(r)).saturating_mul(u64::from(p));
        if blocks > u64::from(MAX_COST.memory_kib) * 1024 || work > MAX_WORK {
            return Err(Unverifiable::OutOfBounds);
        }
        let memory = blocks + block * (u64::from(p) + 1);
        let memory_kib = u32::try_from(memory.div_ceil(1024)).map_err(|_| Unverifiable::OutOfBounds)?;
        let params = ::scrypt::Params::new(log_n, r, p).map_err(|_| Unverifiable::OutOfBounds)?;
        Ok(Self { params, memory_kib })
    }

    pub(super) const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    pub(super) fn derive(self, password: &[u8], salt: &[u8], output: &mut [u8]) -> Option<()> {
        ::scrypt::scrypt(password, salt, &self.params, output).ok()
    }
}

struct Scrypt {
    cost: Cost,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

pub(super) fn read(text: &str) -> Result<Stored, Unverifiable> {
    let [_, _, list, salt, tag] = fields(text)?;
    let [Some(log_n), Some(r), Some(p)] = values(list, ["ln", "r", "p"])? else {
        return Err(Unverifiable::Unreadable);
    };
    let cost = Cost::bounded(number(log_n)?, number(r)?, number(p)?)?;
    let (salt, tag) = bounded(base64(salt)?, base64(tag)?)?;
    Ok(Stored::foreign(Scrypt { cost, salt, tag }))
}

/// Django's salt is the text itself.
pub(super) fn read_django(text: &str) -> Result<Stored, Unverifiable> {
    let [_, n, salt, r, p, tag] = fields(text)?;
    let n = number(n)?;
    if !n.is_power_of_two() {
        return Err(Unverifiable::Unreadable);
    }
    let cost = Cost::bounded(n.ilog2(), number(r)?, number(p)?)?;
    let (salt, tag) = bounded(salt.as_bytes().to_vec(), base64(tag)?)?;
    Ok(Stored::foreign(Scrypt { cost, salt, tag }))
}

impl Foreign for Scrypt {
    fn memory_kib(&self) -> u32 {
        self.cost.memory_kib()
    }

    fn tag(&self) -> &[u8] {
        &self.tag
    }

    fn compute(&self, password: &[u8], tag: &mut [u8]) -> Option<()> {
        self.cost.derive(password, &self.salt, tag)
    }
}
