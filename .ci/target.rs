//! The crate's refusal of other targets, by itself: their standard libraries are not installed, so
//! this does without, and brings the one macro that is needed.

#![feature(no_core, rustc_attrs, lang_items)]
#![no_core]
#![allow(internal_features, unused_macros, reason = "a library without `core`")]

#[rustc_builtin_macro]
macro_rules! compile_error {
    ($message:expr $(,)?) => {{}};
}

#[path = "../src/target.rs"]
mod target;
