//! Captchas of others: reCAPTCHA v2 and v3, hCaptcha and Turnstile.
//!
//! All four ask the same question: is this token one that you gave out for our key, is it good still, and has nobody asked
//! before? What they answer is not taken on trust: the page has to be one of ours, the action has to be what the challenge
//! was solved for, and of a score there has to be enough. Nobody is asked twice about a token, because the first
//! question uses it up.
//!
//! Requests go through [`vestibule_egress`]; nothing is made or read before the first one. The client's address is not
//! sent along: providers do not need it, and it is nobody's business.

#![forbid(unsafe_code)]

mod answer;
mod hosted;
mod provider;

pub use hosted::{HostedCaptcha, HostedCaptchaOptions};
pub use provider::Provider;
