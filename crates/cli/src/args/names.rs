//! Values that have names: help lists them, and shells complete them.

use std::ffi::OsStr;
use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command};
use laion_fmri::splits::Pool;

/// Reads one of the values of an enum of the library by its name, or by another name that the library
/// takes.
#[derive(Clone)]
pub(crate) struct OneOf<T: 'static> {
    all: &'static [T],
    name: fn(T) -> &'static str,
    read: fn(&str) -> Option<T>,
}

/// One of these values, which are called so.
pub(crate) fn one_of<T: FromStr>(all: &'static [T], name: fn(T) -> &'static str) -> OneOf<T> {
    OneOf { all, name, read: |text| text.parse().ok() }
}

/// A pool: that of a subject also by the number alone.
pub(crate) fn pool() -> OneOf<Pool> {
    let read = |text: &str| text.parse().or_else(|_| format!("sub-{text}").parse()).ok();
    OneOf { all: Pool::ALL, name: Pool::as_str, read }
}

impl<T: Copy> OneOf<T> {
    fn names(&self) -> impl Iterator<Item = &'static str> + use<'_, T> {
        self.all.iter().map(|value| (self.name)(*value))
    }
}

impl<T> TypedValueParser for OneOf<T>
where
    T: FromStr<Err: Display> + Copy + Send + Sync,
{
    type Value = T;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        if let Some(value) = value.to_str().and_then(self.read) {
            return Ok(value);
        }
        // This error lists the names, and suggests the nearest.
        let name = PossibleValuesParser::new(self.names()).parse_ref(command, argument, value)?;
        name.parse().map_err(|error: T::Err| {
            clap::Error::raw(ErrorKind::InvalidValue, error).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.names().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    use laion_fmri::RoiFormat;

    use super::*;

    #[test]
    fn names_are_listed_and_other_names_are_taken() {
        let format = one_of(RoiFormat::ALL, RoiFormat::as_str);
        let names: Vec<String> =
            format.possible_values().unwrap().map(|value| value.get_name().to_owned()).collect();
        assert_eq!(names.len(), RoiFormat::ALL.len());
        let command = Command::new("laion-fmri");
        let read = |text: &str| format.parse_ref(&command, None, text.as_ref());
        assert_eq!(read("nii.gz").unwrap(), read("volume").unwrap());
        assert_eq!(read("gifti").unwrap_err().kind(), ErrorKind::InvalidValue);
        for (text, expected) in
            [("03", Some(Pool::Sub03)), ("sub-03", Some(Pool::Sub03)), ("02", None)]
        {
            assert_eq!(pool().parse_ref(&command, None, text.as_ref()).ok(), expected, "{text}");
        }
    }
}
