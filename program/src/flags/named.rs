//! The core's named enums as values of flags.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use gpu_train::named::{Entry, Named};

/// The parser of a flag with such a value: names, aliases and help texts are the core's.
pub fn values<T: Named>() -> impl TypedValueParser<Value = T> {
    let possible = |entry: &Entry<T>| {
        let help = entry.help.trim().trim_end_matches('.');
        let value = PossibleValue::new(entry.name).help(help);
        value.aliases(entry.aliases)
    };
    PossibleValuesParser::new(T::TABLE.iter().filter(|entry| entry.is_flag).map(possible))
        .map(|name| T::of_name(&name).expect("a possible value"))
}
