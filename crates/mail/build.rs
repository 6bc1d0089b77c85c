//! Tells Cargo that the embedded templates come from outside this crate.

fn main() {
    println!("cargo:rerun-if-changed=../../templates/mail");
}
