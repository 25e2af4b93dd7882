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
    /// [`Error::RoiSyntax`] when an operator lacks a side or a parenthesis its partner.
    pub(crate) fn parse(item: &str) -> Result<Self> {
        let mut parser = Parser { item, tokens: tokens(item), next: 0 };
        let expression = parser.sum()?;
        match parser.peek() {
            None => Ok(expression),
            Some(_) => Err(parser.unexpected(parser.next)),
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
    /// Each with the byte at which it begins.
    tokens: Vec<(usize, &'a str)>,
    /// The token to be read next.
    next: usize,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<Expression> {
        let mut left = self.product()?;
        while let Some(operator @ ("|" | "-")) = self.peek() {
            self.next += 1;
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
            self.next += 1;
            left = Expression::Intersection(Box::new(left), Box::new(self.operand()?));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expression> {
        let Some(token) = self.peek() else {
            return Err(self.error(self.next, "it ends where a ROI is expected"));
        };
        let opened = self.next;
        self.next += 1;
        match token {
            "(" => {
                let inner = self.sum()?;
                match self.peek() {
                    Some(")") => {
                        self.next += 1;
                        Ok(inner)
                    }
                    Some(_) => Err(self.unexpected(self.next)),
                    None => Err(self.error(opened, "a ( is never closed")),
                }
            }
            "|" | "&" | "-" | ")" => Err(self.unexpected(opened)),
            name => Ok(Expression::Name(name.to_owned())),
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.next).map(|(_, token)| *token)
    }

    fn unexpected(&self, token: usize) -> Error {
        self.error(token, &format!("unexpected {:?}", self.tokens[token].1))
    }

    /// A problem at a token, or at the end when there is no such token.
    fn error(&self, token: usize, problem: &str) -> Error {
        let start = self.tokens.get(token).map_or(self.item.len(), |(start, _)| *start);
        let column = self.item[..start].chars().count() + 1;
        Error::RoiSyntax { query: self.item.to_owned(), column, problem: problem.to_owned() }
    }
}

/// Names and operators between spaces, each with the byte at which it begins; parentheses need no spaces.
fn tokens(item: &str) -> Vec<(usize, &str)> {
    let is_parenthesis = |c: char| c == '(' || c == ')';
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(rest) = item.get(start..).filter(|rest| !rest.is_empty()) {
        let ends = |c: char| c.is_whitespace() || is_parenthesis(c);
        let length = match rest.chars().next() {
            Some(first) if ends(first) => first.len_utf8(),
            _ => rest.find(ends).unwrap_or(rest.len()),
        };
        let token = &rest[..length];
        if !token.trim().is_empty() {
            tokens.push((start, token));
        }
        start += length;
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
        for (item, at, expected) in [
            ("", 1, "it ends where a ROI is expected"),
            ("a -", 4, "it ends where a ROI is expected"),
            ("| a", 1, "unexpected \"|\""),
            ("a b", 3, "unexpected \"b\""),
            ("ä & (a | b", 5, "a ( is never closed"),
            ("ä)", 2, "unexpected \")\""),
            ("()", 2, "unexpected \")\""),
        ] {
            let error = Expression::parse(item).unwrap_err();
            assert!(
                matches!(&error, Error::RoiSyntax { query, column, problem }
                    if query == item && *column == at && problem == expected),
                "{item}: {error:?}"
            );
        }
        assert_eq!(
            Expression::parse("a b").unwrap_err().to_string(),
            "ROI query \"a b\": unexpected \"b\" (at column 3)"
        );
    }
}
