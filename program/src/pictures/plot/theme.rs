//! Colours of the pictures, light and dark, by what they mean.
//!
//! A picture names roles, never colours: its SVG carries classes, so that the same drawing serves both themes and a page
//! can switch with the reader's preference. Three hues only, from Okabe and Ito's set for colour-blind readers (blue,
//! vermilion, and a green much darker, or on dark lighter, than both); a test measures their contrast and how far apart they stay.

use std::fmt::Write as _;

/// Which of the two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark ink on white.
    Light,
    /// Light ink on near black.
    Dark,
}

/// What a shape or a text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The ground of a picture.
    Surface,
    /// Text, digits, axes that matter.
    Ink,
    /// Text of second rank.
    Muted,
    /// Grid lines and frames.
    Grid,
    /// Other rows' curves behind the one that is meant.
    Context,
    /// What was measured here; test error; positive weights.
    Measured,
    /// What others published; negative weights.
    Published,
    /// Training error.
    Train,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Surface,
        Self::Ink,
        Self::Muted,
        Self::Grid,
        Self::Context,
        Self::Measured,
        Self::Published,
        Self::Train,
    ];

    /// Its name in class attributes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Surface => "surface",
            Self::Ink => "ink",
            Self::Muted => "muted",
            Self::Grid => "grid",
            Self::Context => "context",
            Self::Measured => "measured",
            Self::Published => "published",
            Self::Train => "train",
        }
    }

    /// Its colour, `#rrggbb`.
    pub fn colour(self, theme: Theme) -> &'static str {
        match (self, theme) {
            (Self::Surface, Theme::Light) => "#ffffff",
            (Self::Surface, Theme::Dark) => "#0d1117",
            (Self::Ink, Theme::Light) => "#1b1f24",
            (Self::Ink, Theme::Dark) => "#e6edf3",
            (Self::Muted, Theme::Light) => "#57606a",
            (Self::Muted, Theme::Dark) => "#9da7b3",
            (Self::Grid, Theme::Light) => "#d8dee4",
            (Self::Grid, Theme::Dark) => "#30363d",
            (Self::Context, Theme::Light) => "#b6bec8",
            (Self::Context, Theme::Dark) => "#4a525c",
            (Self::Measured, Theme::Light) => "#0072b2",
            (Self::Measured, Theme::Dark) => "#56b4e9",
            (Self::Published, Theme::Light) => "#c75000",
            (Self::Published, Theme::Dark) => "#f5843b",
            (Self::Train, Theme::Light) => "#004d38",
            (Self::Train, Theme::Dark) => "#b8ffdb",
        }
    }
}

/// The rules that give a picture's classes their colours, each behind `scope` (such as `.plot `, or nothing).
pub fn css(theme: Theme, scope: &str) -> String {
    let mut rules = String::new();
    for role in Role::ALL {
        let (name, colour) = (role.name(), role.colour(theme));
        write!(
            rules,
            "{scope}.fill-{name}{{fill:{colour}}}{scope}.line-{name}{{stroke:{colour}}}"
        )
        .expect("a string takes all");
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linear red, green and blue, 0 to 1.
    fn linear(colour: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let byte = u8::from_str_radix(&colour[at..at + 2], 16).expect("two hexadecimal digits");
            let value = f64::from(byte) / 255.0;
            match value <= 0.04045 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        })
    }

    fn luminance([red, green, blue]: [f64; 3]) -> f64 {
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// WCAG's contrast ratio.
    fn contrast(one: Role, other: Role, theme: Theme) -> f64 {
        let [one, other] = [one, other].map(|role| luminance(linear(role.colour(theme))) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn text_and_marks_stand_out_from_the_ground_as_wcag_asks() {
        for theme in [Theme::Light, Theme::Dark] {
            for role in [
                Role::Ink,
                Role::Muted,
                Role::Measured,
                Role::Published,
                Role::Train,
            ] {
                let found = contrast(role, Role::Surface, theme);
                assert!(found >= 4.5, "{role:?} {theme:?}: {found:.2}");
            }
        }
    }

    /// Machado, Oliveira and Fernandes 2009, severity 1: protanopia, deuteranopia, tritanopia.
    const SEEN: [[[f64; 3]; 3]; 3] = [
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    /// Oklab: equal distances look about equally far apart.
    fn oklab([red, green, blue]: [f64; 3]) -> [f64; 3] {
        let l = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue).cbrt();
        let m = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue).cbrt();
        let s = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue).cbrt();
        [
            0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
            1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
            0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s,
        ]
    }

    #[test]
    fn hues_differ_for_colour_blind_readers() {
        for theme in [Theme::Light, Theme::Dark] {
            for (one, other) in [
                (Role::Measured, Role::Published),
                (Role::Measured, Role::Train),
                (Role::Published, Role::Train),
            ] {
                for matrix in SEEN {
                    let [a, b] = [one, other].map(|role| {
                        let colour = linear(role.colour(theme));
                        oklab(matrix.map(|row| {
                            row.iter()
                                .zip(colour)
                                .map(|(m, c)| m * c)
                                .sum::<f64>()
                                .clamp(0.0, 1.0)
                        }))
                    });
                    let distance: f64 = a
                        .iter()
                        .zip(b)
                        .map(|(a, b)| (a - b).powi(2))
                        .sum::<f64>()
                        .sqrt();
                    assert!(
                        distance > 0.12,
                        "{one:?} {other:?} {theme:?}: {distance:.3}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_role_has_rules_in_both_themes() {
        let [light, dark] = [Theme::Light, Theme::Dark].map(|theme| css(theme, ".plot "));
        for role in Role::ALL {
            assert!(light.contains(&format!(".plot .fill-{}{{", role.name())));
            assert_ne!(role.colour(Theme::Light), role.colour(Theme::Dark));
        }
        assert_ne!(light, dark);
    }
}
