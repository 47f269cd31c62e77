//! [`Plot`]: lines over a logarithmic axis, as SVG.

use super::Machine;
use crate::sample::Spread;
use anyhow::{Result, anyhow};
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};
use std::path::Path;

const SIZE: (u32, u32) = (860, 480);
/// The name of this crate.
const OURS: &str = "linux-aio";
/// The width of the names of the curves, on the right.
const NAMES: u32 = 190;

/// Curves with their spread.
pub(crate) struct Plot {
    /// The title.
    pub(crate) title: String,
    /// The label of the horizontal axis.
    pub(crate) x: &'static str,
    /// The label of the vertical axis, with the unit.
    pub(crate) y: &'static str,
    /// Whether the vertical axis is logarithmic.
    pub(crate) log_y: bool,
    /// The curves: name and points.
    pub(crate) curves: Vec<(String, Vec<(f64, Spread)>)>,
}

impl Plot {
    pub(super) fn draw(&self, path: &Path, machine: &Machine) -> Result<()> {
        let points = || self.curves.iter().flat_map(|(_, points)| points);
        let largest = points().map(|(_, spread)| spread.high).fold(0.0, f64::max);
        let smallest = points().map(|(_, spread)| spread.low).fold(f64::MAX, f64::min);
        let first = points().map(|(x, _)| *x).fold(f64::MAX, f64::min);
        let last = points().map(|(x, _)| *x).fold(0.0, f64::max);
        if largest <= 0.0 || first <= 0.0 {
            return Err(anyhow!("there is nothing to draw in \"{}\"", self.title));
        }
        let across = (first..last * 1.05).log_scale().base(2.0);
        let root = SVGBackend::new(path, SIZE).into_drawing_area();
        root.fill(&WHITE).map_err(refused)?;
        let below = TextStyle::from(("sans-serif", 11).into_font()).color(&RGBColor(90, 90, 90));
        let below = below.pos(Pos::new(HPos::Left, VPos::Bottom));
        let place = (12, SIZE.1 as i32 - 6);
        root.draw(&Text::new(machine.to_string(), place, below)).map_err(refused)?;
        let (inner, _) = root.split_vertically(SIZE.1 - 22);
        let mut builder = ChartBuilder::on(&inner);
        builder.margin(12).caption(&self.title, ("sans-serif", 18));
        builder.x_label_area_size(38).y_label_area_size(70).margin_right(NAMES);
        // The two kinds of axes have different types.
        macro_rules! draw {
            ($up:expr) => {{
                let mut chart = builder.build_cartesian_2d(across, $up).map_err(refused)?;
                let mut mesh = chart.configure_mesh();
                mesh.light_line_style(RGBColor(240, 240, 240)).x_desc(self.x).y_desc(self.y);
                mesh.x_label_formatter(&number).y_label_formatter(&number);
                mesh.label_style(("sans-serif", 12)).draw().map_err(refused)?;
                let names = self.names(|value| chart.backend_coord(&(last, value)).1);
                for (name, points) in &self.curves {
                    let colour = colour(name);
                    let width = if name == OURS { 3 } else { 2 };
                    let line = points.iter().map(|(x, spread)| (*x, spread.median));
                    let style = colour.stroke_width(width);
                    chart.draw_series(LineSeries::new(line.clone(), style)).map_err(refused)?;
                    let dots = line.map(|point| Circle::new(point, 3, colour.filled()));
                    chart.draw_series(dots).map_err(refused)?;
                    let bars = points.iter().map(|(x, spread)| {
                        let low = spread.low.max(smallest);
                        PathElement::new(vec![(*x, low), (*x, spread.high)], colour)
                    });
                    chart.draw_series(bars).map_err(refused)?;
                }
                names
            }};
        }
        let names = if self.log_y {
            draw!((smallest * 0.8..largest * 1.2).log_scale())
        } else {
            draw!(0.0..largest * 1.05)
        };
        for (name, colour, height) in names {
            let style = TextStyle::from(("sans-serif", 13).into_font()).color(&colour);
            let style = style.pos(Pos::new(HPos::Left, VPos::Center));
            root.draw(&Text::new(name, ((SIZE.0 - NAMES) as i32 + 12, height), style))
                .map_err(refused)?;
        }
        root.present().map_err(refused)
    }

    /// The names of the curves, each next to its end, moved apart where they would overlap.
    fn names(&self, height: impl Fn(f64) -> i32) -> Vec<(String, RGBColor, i32)> {
        const APART: i32 = 16;
        let named = self.curves.iter().filter_map(|(name, points)| {
            let (_, end) = points.last()?;
            Some((name.clone(), colour(name), height(end.median)))
        });
        let mut names = named.collect::<Vec<_>>();
        names.sort_by_key(|&(_, _, height)| height);
        for index in 1..names.len() {
            names[index].2 = names[index].2.max(names[index - 1].2 + APART);
        }
        // Names that were moved below the picture move the others up again.
        let mut lowest = SIZE.1 as i32 - 70;
        for name in names.iter_mut().rev() {
            name.2 = name.2.min(lowest);
            lowest = name.2 - APART;
        }
        names
    }
}

/// The colour of a participant, the same in every picture. The colours can be distinguished with most
/// kinds of colour blindness (Okabe and Ito).
pub(super) fn colour(name: &str) -> RGBColor {
    const COLOURS: [(&str, RGBColor); 9] = [
        ("Python", RGBColor(150, 120, 190)),
        ("io_getevents", RGBColor(230, 159, 0)),
        ("no libc", RGBColor(160, 150, 0)),
        ("raw layer", RGBColor(160, 150, 0)),
        (OURS, RGBColor(213, 94, 0)),
        ("libaio", RGBColor(0, 114, 178)),
        ("registered", RGBColor(86, 180, 233)),
        ("io_uring", RGBColor(0, 158, 115)),
        ("pool", RGBColor(204, 121, 167)),
    ];
    let known = COLOURS.iter().find(|(part, _)| name.contains(part));
    match known {
        Some(&(_, colour)) => colour,
        None if name.contains("POSIX") => RGBColor(60, 60, 60),
        None => RGBColor(140, 140, 140),
    }
}

/// A short number for an axis.
pub(super) fn number(value: &f64) -> String {
    match *value {
        value if value >= 10_000.0 => format!("{}k", value / 1_000.0),
        value if value == value.round() => format!("{value:.0}"),
        value => format!("{value:.2}"),
    }
}

pub(super) fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}
