//! Colours of the pictures, light and dark, by what they mean.
//!
//! A picture names roles, never colours: its SVG carries classes, and [`css`] gives them the colours that the reader
//! prefers. Text and marks have a contrast of at least 4.59 to the light ground and 7.43 to the dark one (WCAG AA asks for
//! 4.5). There are three hues only, from Okabe and Ito's set for colour-blind readers, the third much darker, or on dark
//! lighter, than the others: as protanopes, deuteranopes and tritanopes see them (Machado, Oliveira and Fernandes 2009,
//! severity 1), any two differ by at least 0.13 in Oklab on light and 0.21 on dark.

use std::fmt::Write as _;

/// Meaning of a shape or a text.
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
    /// Curves of the other rows.
    Context,
    /// Measured here; test error; positive weights.
    Measured,
    /// Published by others; negative weights.
    Published,
    /// Training error.
    Train,
}

impl Role {
    /// Every role with its name, its light and its dark colour.
    pub const ALL: [(Self, &'static str, &'static str, &'static str); 8] = [
        (Self::Surface, "surface", "#ffffff", "#0d1117"),
        (Self::Ink, "ink", "#1b1f24", "#e6edf3"),
        (Self::Muted, "muted", "#57606a", "#9da7b3"),
        (Self::Grid, "grid", "#d8dee4", "#30363d"),
        (Self::Context, "context", "#b6bec8", "#4a525c"),
        (Self::Measured, "measured", "#0072b2", "#56b4e9"),
        (Self::Published, "published", "#c75000", "#f5843b"),
        (Self::Train, "train", "#004d38", "#b8ffdb"),
    ];

    /// Name in class attributes.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// Rules that give the classes their colours, in files and on the page. What knows no variables sees the light ones. Text
/// has a rim of the ground's colour, so that a line below it does not cross it.
pub fn css() -> String {
    let [mut light, mut dark, mut rules] = [const { String::new() }; 3];
    for (_, name, on_light, on_dark) in Role::ALL {
        write!(light, "--{name}:{on_light};").expect("a string takes all");
        write!(dark, "--{name}:{on_dark};").expect("a string takes all");
        for (class, property) in [("fill", "fill"), ("line", "stroke")] {
            let rule = format!(".{class}-{name}{{{property}:{on_light};{property}:var(--{name})}}");
            rules.push_str(&rule);
        }
    }
    format!(
        ":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}{rules}\
         text{{paint-order:stroke;stroke:var(--surface);stroke-width:5px;stroke-linejoin:round}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_place_and_rules_in_both_themes() {
        let css = css();
        for (index, (role, name, light, dark)) in Role::ALL.into_iter().enumerate() {
            assert_eq!((role as usize, role.name()), (index, name));
            assert!(
                css.contains(&format!("--{name}:{light};"))
                    && css.contains(&format!("--{name}:{dark};"))
            );
            assert_ne!(light, dark);
        }
    }
}
