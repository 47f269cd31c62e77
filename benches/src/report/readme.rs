//! Tables in documents: the text between two marks is replaced by the table that was just printed.
//!
//! ```text
//! <!-- figures: evaluation/time -->
//! any text
//! <!-- end -->
//! ```

use anyhow::{Context as _, Result};
use std::{fs, path::Path};

const START: &str = "<!-- figures: ";
const END: &str = "<!-- end -->";

/// Checks, before anything is measured, that the document can be updated.
pub(super) fn check(path: &Path) -> Result<()> {
    let at = || format!("cannot put figures into {}", path.display());
    let text = fs::read_to_string(path).with_context(at)?;
    replaced(&text, "", |_| None).with_context(at)?;
    fs::OpenOptions::new().append(true).open(path).with_context(at)?;
    Ok(())
}

/// Replaces the text between the marks of this command. `figures` returns the text for a name.
pub(super) fn update(
    path: &Path,
    command: &str,
    figures: impl Fn(&str) -> Option<String>,
) -> Result<()> {
    let at = || format!("cannot put figures into {}", path.display());
    let text = fs::read_to_string(path).with_context(at)?;
    fs::write(path, replaced(&text, command, figures).with_context(at)?).with_context(at)
}

fn replaced(text: &str, command: &str, figures: impl Fn(&str) -> Option<String>) -> Result<String> {
    let (mut done, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(START) {
        let (before, marked) = rest.split_at(start);
        let (mark, inside) = marked.split_once('\n').context("a mark has no line of its own")?;
        let end = inside.find(END).with_context(|| format!("{mark} has no end"))?;
        let (old, after) = inside.split_at(end);
        let name = mark.trim_start_matches(START).trim_end_matches("-->").trim();
        done += before;
        done += mark;
        done += "\n";
        match name.split_once('/').filter(|(of, _)| *of == command) {
            None => done += old,
            Some((_, table)) => {
                let new = figures(table).with_context(|| format!("there is no table {name}"))?;
                done += new.trim();
                done += "\n";
            }
        }
        rest = after;
    }
    Ok(done + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\n<!-- figures: x/one -->\nold\n<!-- end -->\nb\n\
                        <!-- figures: y/two -->\nkept\n<!-- end -->\n";

    #[test]
    fn figures_are_replaced_between_their_marks() {
        let new = replaced(TEXT, "x", |name| (name == "one").then(|| "new\n\n".into())).unwrap();
        assert_eq!(new, TEXT.replace("old", "new"));
    }

    #[test]
    fn marks_without_end_or_table_are_errors() {
        assert!(replaced(TEXT, "x", |_| None).is_err());
        assert!(replaced("<!-- figures: x/one -->\nold", "x", |_| Some(String::new())).is_err());
    }
}
