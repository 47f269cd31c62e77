//! [`Bars`]: a bar chart, as SVG.

use super::{
    Machine,
    plot::{colour, refused},
};
use anyhow::Result;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::path::Path;

const WIDTH: u32 = 860;
/// The height of a bar, with the space around it.
const HEIGHT: i32 = 26;
/// The left end of the bars, and the length of the longest.
const LEFT: i32 = 240;
const LONGEST: f64 = 480.0;

/// A bar chart, with a logarithmic axis.
pub(crate) struct Bars {
    /// The title, with the unit.
    pub(crate) title: String,
    /// The figure at the left end of the axis.
    pub(crate) least: f64,
    /// The bars: name and figure.
    pub(crate) bars: Vec<(String, f64)>,
}

impl Bars {
    pub(super) fn draw(&self, path: &Path, machine: &Machine) -> Result<()> {
        let height = 50 + HEIGHT * self.bars.len() as i32 + 30;
        let root = SVGBackend::new(path, (WIDTH, height as u32)).into_drawing_area();
        root.fill(&WHITE).map_err(refused)?;
        let text = |text: &str, place, size, colour, side, height| {
            let style = TextStyle::from(("sans-serif", size).into_font()).color(&colour);
            let style = style.pos(Pos::new(side, height));
            root.draw(&Text::new(text.to_owned(), place, style)).map_err(refused)
        };
        let grey = RGBColor(90, 90, 90);
        text(&self.title, (WIDTH as i32 / 2, 12), 18, BLACK, HPos::Center, VPos::Top)?;
        let below = (12, height - 6);
        text(&machine.to_string(), below, 11, grey, HPos::Left, VPos::Bottom)?;
        let longest = self.bars.iter().map(|(_, figure)| *figure).fold(self.least, f64::max);
        let decades = (longest / self.least).log10();
        for (index, (name, figure)) in self.bars.iter().enumerate() {
            let top = 46 + HEIGHT * index as i32;
            let middle = top + HEIGHT / 2 - 2;
            let end = LEFT + (LONGEST * (figure / self.least).log10() / decades) as i32;
            let corners = [(LEFT, top), (end, top + HEIGHT - 6)];
            root.draw(&Rectangle::new(corners, colour(name).filled())).map_err(refused)?;
            text(name, (LEFT - 8, middle), 13, BLACK, HPos::Right, VPos::Center)?;
            text(&format!("{figure}"), (end + 8, middle), 13, grey, HPos::Left, VPos::Center)?;
        }
        root.present().map_err(refused)
    }
}
