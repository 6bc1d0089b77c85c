//! Tells Cargo that the embedded migrations come from outside this crate.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
