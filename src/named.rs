//! Enums whose values have names: one table gives the names in flags, files and messages, and the flags' help texts.
//!
//! ```
//! use gpu_train::named::Named;
//! use gpu_train::recipe::Optimizer;
//!
//! let optimizer: Optimizer = "adamw".parse()?;
//! assert_eq!(optimizer, Optimizer::AdamW);
//! assert_eq!(optimizer.name(), "adamw");
//! // The error lists what there is.
//! assert!("adam".parse::<Optimizer>().unwrap_err().contains("expected one of sgd, adamw"));
//! # Ok::<(), String>(())
//! ```

/// A value of a [`Named`] enum.
#[derive(Debug)]
pub struct Entry<T: 'static> {
    /// The value.
    pub value: T,
    /// Its name.
    pub name: &'static str,
    /// Other names that flags take for it.
    pub aliases: &'static [&'static str],
    /// Its documentation.
    pub help: &'static str,
    /// Tells whether flags take it: all but those marked `hidden`.
    pub is_flag: bool,
}

/// An enum that `named!` defines.
pub trait Named: Copy + PartialEq + Send + Sync + 'static {
    /// All values, in order.
    const TABLE: &'static [Entry<Self>];
    /// Their names, in the same order.
    const NAMES: &'static [&'static str];

    /// The name of this value.
    fn name(self) -> &'static str;

    /// The value of this name, aliases included.
    fn of_name(name: &str) -> Option<Self> {
        let entry = |entry: &&Entry<Self>| entry.name == name || entry.aliases.contains(&name);
        Self::TABLE.iter().find(entry).map(|entry| entry.value)
    }
}

/// Defines an enum with a name for each value, its [`Named`] table, and Display, FromStr and serde by these names.
macro_rules! named {
    (
        $(#[$attribute:meta])*
        pub enum $type:ident {
            $($(#[doc = $help:literal])+ $value:ident = $name:literal $(| $alias:literal)* $(; $hidden:ident)?,)+
        }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $type {
            $($(#[doc = $help])+ $value,)+
        }

        impl $crate::named::Named for $type {
            const TABLE: &'static [$crate::named::Entry<Self>] = &[$($crate::named::Entry {
                value: Self::$value,
                name: $name,
                aliases: &[$($alias),*],
                help: concat!($($help),+),
                is_flag: <[&str]>::is_empty(&[$(stringify!($hidden))?]),
            }),+];
            const NAMES: &'static [&'static str] = &[$($name),+];

            fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.pad($crate::named::Named::name(*self))
            }
        }

        impl std::str::FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                $crate::named::Named::of_name(text).ok_or_else(|| {
                    let known = <Self as $crate::named::Named>::NAMES.join(", ");
                    format!("found {text:?}, expected one of {known}")
                })
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::named::Named::name(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                use $crate::named::Named;
                let name = <std::borrow::Cow<str>>::deserialize(deserializer)?;
                let entry = Self::TABLE.iter().find(|entry| entry.name == name);
                let unknown = || serde::de::Error::unknown_variant(&name, Self::NAMES);
                entry.map(|entry| entry.value).ok_or_else(unknown)
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use super::Named;
    use crate::recipe::{Optimizer, RecipeName};

    #[test]
    fn a_value_has_one_name_in_text_and_json() {
        for entry in Optimizer::TABLE {
            assert_eq!(entry.value.to_string(), entry.name);
            assert_eq!(entry.name.parse(), Ok(entry.value));
            let json = serde_json::to_string(&entry.value).expect("a name");
            assert_eq!(json, format!("{:?}", entry.name));
            assert_eq!(
                serde_json::from_str::<Optimizer>(&json).expect("itself"),
                entry.value
            );
        }
        let error = "adam".parse::<Optimizer>().expect_err("no optimizer");
        assert_eq!(
            error,
            "found \"adam\", expected one of sgd, adamw, muon, whitened-muon, diagonal-newton"
        );
        serde_json::from_str::<Optimizer>("\"adam\"").expect_err("no optimizer");
    }

    #[test]
    fn flags_take_aliases_and_files_do_not() {
        assert_eq!("stage-0".parse(), Ok(RecipeName::Reproduction));
        serde_json::from_str::<RecipeName>("\"stage-0\"").expect_err("an alias");
    }
}
