//! What a ROI query says: names, and set algebra between them.

use crate::{Error, Result};

/// Which ROIs are meant: one or more items, whose union is taken.
///
/// Each item is `all`, a category (`face`) or a ROI (`FFA1`, or `FFA-1` as the bucket spells it);
/// names are case-sensitive. `visual` means the category `laion` unless the subject has a ROI or
/// category of that name. Made from a string, or from a list of strings.
///
/// An item may also combine names by set algebra: `|` (union), `&` (intersection) and `-`
/// (difference) between spaces, since labels may hold hyphens. `&` binds tighter than `|` and `-`,
/// which are read from left to right; parentheses group: `laionventral - retinotopy`,
/// `(V1v | V1d) & laion`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoiQuery(Vec<String>);

impl RoiQuery {
    /// The items as they were given.
    #[must_use]
    pub fn items(&self) -> &[String] {
        &self.0
    }
}

impl From<&str> for RoiQuery {
    fn from(item: &str) -> Self {
        Self(vec![item.to_owned()])
    }
}

impl From<&String> for RoiQuery {
    fn from(item: &String) -> Self {
        Self(vec![item.clone()])
    }
}

impl From<&[String]> for RoiQuery {
    fn from(items: &[String]) -> Self {
        Self(items.to_vec())
    }
}

impl From<&[&str]> for RoiQuery {
    fn from(items: &[&str]) -> Self {
        Self(items.iter().map(|item| (*item).to_owned()).collect())
    }
}

impl<const N: usize> From<[&str; N]> for RoiQuery {
    fn from(items: [&str; N]) -> Self {
        Self::from(items.as_slice())
    }
}

/// One item, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Name(String),
    Union(Box<Self>, Box<Self>),
    Intersection(Box<Self>, Box<Self>),
    Difference(Box<Self>, Box<Self>),
}

impl Expression {
    /// Takes an item apart.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidQuery`] when an operator lacks a side or a parenthesis its partner.
    pub(crate) fn parse(item: &str) -> Result<Self> {
        let mut parser = Parser { item, tokens: tokens(item), place: 0 };
        let expression = parser.sum()?;
        match parser.peek() {
            None => Ok(expression),
            Some(token) => Err(parser.unexpected(token)),
        }
    }

    /// The names in it, from left to right.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Name(name) => vec![name],
            Self::Union(a, b) | Self::Intersection(a, b) | Self::Difference(a, b) => {
                [a.names(), b.names()].concat()
            }
        }
    }
}

struct Parser<'a> {
    item: &'a str,
    tokens: Vec<&'a str>,
    place: usize,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<Expression> {
        let mut left = self.product()?;
        while let Some(operator @ ("|" | "-")) = self.peek() {
            self.place += 1;
            let right = Box::new(self.product()?);
            left = match operator {
                "|" => Expression::Union(Box::new(left), right),
                _ => Expression::Difference(Box::new(left), right),
            };
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression> {
        let mut left = self.operand()?;
        while self.peek() == Some("&") {
            self.place += 1;
            left = Expression::Intersection(Box::new(left), Box::new(self.operand()?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression> {
        let Some(token) = self.peek() else {
            return Err(self.error("it ends where a ROI is expected"));
        };
        self.place += 1;
        match token {
            "(" => {
                let inner = self.sum()?;
                match self.peek() {
                    Some(")") => {
                        self.place += 1;
                        Ok(inner)
                    }
                    Some(token) => Err(self.unexpected(token)),
                    None => Err(self.error("a ( is never closed")),
                }
            }
            "|" | "&" | "-" | ")" => Err(self.unexpected(token)),
            name => Ok(Expression::Name(name.to_owned())),
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.place).copied()
    }

    fn unexpected(&self, token: &str) -> Error {
        self.error(&format!("{token:?} stands where it means nothing"))
    }

    fn error(&self, problem: &str) -> Error {
        Error::InvalidQuery { reason: format!("ROI query {:?}: {problem}", self.item) }
    }
}

/// Names and operators between spaces; parentheses need none.
fn tokens(item: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    for word in item.split_whitespace() {
        let mut rest = word;
        while let Some(place) = rest.find(['(', ')']) {
            let (name, parenthesis) = rest.split_at(place);
            tokens.extend((!name.is_empty()).then_some(name));
            tokens.push(&parenthesis[..1]);
            rest = &parenthesis[1..];
        }
        tokens.extend((!rest.is_empty()).then_some(rest));
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expression with every operation in brackets.
    fn shown(expression: &Expression) -> String {
        match expression {
            Expression::Name(name) => name.clone(),
            Expression::Union(a, b) => format!("[{} | {}]", shown(a), shown(b)),
            Expression::Intersection(a, b) => format!("[{} & {}]", shown(a), shown(b)),
            Expression::Difference(a, b) => format!("[{} - {}]", shown(a), shown(b)),
        }
    }

    #[test]
    fn operators_stand_between_spaces_and_bind_as_documented() {
        for (item, expected) in [
            ("FFA-1", "FFA-1"),
            (" FFA1 ", "FFA1"),
            ("laionventral - retinotopy", "[laionventral - retinotopy]"),
            ("V1v | V1d & laion", "[V1v | [V1d & laion]]"),
            ("a - b | c - d", "[[[a - b] | c] - d]"),
            ("(V1v | V1d) & laion", "[[V1v | V1d] & laion]"),
            ("a - (b - (c | pSTS-faces))", "[a - [b - [c | pSTS-faces]]]"),
            ("((a))", "a"),
        ] {
            assert_eq!(shown(&Expression::parse(item).unwrap()), expected, "{item}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_quoted() {
        for (item, problem) in [
            ("", "it ends where a ROI is expected"),
            ("a -", "it ends where a ROI is expected"),
            ("| a", "\"|\" stands where it means nothing"),
            ("a b", "\"b\" stands where it means nothing"),
            ("(a | b", "a ( is never closed"),
            ("a)", "\")\" stands where it means nothing"),
            ("()", "\")\" stands where it means nothing"),
        ] {
            let error = Expression::parse(item).unwrap_err();
            assert!(
                matches!(&error, Error::InvalidQuery { reason }
                    if *reason == format!("ROI query {item:?}: {problem}")),
                "{item}: {error}"
            );
        }
    }
}
