//! What an application is told at compile time when something is missing.

#[test]
fn what_is_missing_is_said() {
    trybuild::TestCases::new().compile_fail("tests/compile_errors/*.rs");
}
