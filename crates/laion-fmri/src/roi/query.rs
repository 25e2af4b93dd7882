//! What an ROI query says: names, and set algebra between them.

use std::fmt;
use std::iter::Peekable;
use std::str::FromStr;

use crate::{Error, Result};

/// The parentheses around a name.
const MOST_DEEP: usize = 64;

/// The names in all items of a query. The public dataset has about 100 ROIs of a subject.
const MOST_NAMES: usize = 4096;

/// Which ROIs are meant: one or more items, whose union is taken.
///
/// Each item is `all`, a category (`face`) or an ROI (`FFA1`, or `FFA-1` as the bucket spells it);
/// names are case-sensitive. `visual` means the category `laion` unless the subject has an ROI or
/// category of that name. Made from a string, or from a list of strings.
///
/// An item may also combine names by set algebra: `|` (union), `&` (intersection) and `-`
/// (difference). Labels may hold hyphens, so `-` stands between spaces; the others need none. `&` binds tighter than `|` and `-`,
/// which are read from left to right; parentheses group: `laionventral - retinotopy`,
/// `(V1v | V1d) & laion`. Parentheses are at most 64 deep, and a query has at most 4,096 names.
///
/// `From` takes texts as they are, and the call that uses the query refuses what it cannot read.
/// `parse` refuses it at once. `Display` writes one expression that selects the same voxels.
///
/// ```
/// use laion_fmri::{Error, RoiQuery};
///
/// let faces: Vec<String> = vec!["FFA1".to_owned(), "FFA2 - pSTS".to_owned()];
/// assert_eq!(RoiQuery::from(&faces).to_string(), "FFA1 | (FFA2 - pSTS)");
/// let one: RoiQuery = "(V1v | V1d) & laion".parse()?;
/// assert_eq!(one.items(), ["(V1v | V1d) & laion"]);
/// assert!(matches!("V1v &".parse::<RoiQuery>(), Err(Error::RoiSyntax { column: 6, .. })));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoiQuery(Vec<String>);

impl RoiQuery {
    /// The items as they were given.
    #[must_use]
    pub fn items(&self) -> &[String] {
        &self.0
    }

    /// The sign for a word that people write in its place, such as `or`.
    ///
    /// ```
    /// use laion_fmri::RoiQuery;
    ///
    /// assert_eq!(RoiQuery::sign_of("OR"), Some("|"));
    /// assert_eq!(RoiQuery::sign_of("minus"), Some("-"));
    /// assert_eq!(RoiQuery::sign_of("FFA1"), None);
    /// ```
    #[must_use]
    pub fn sign_of(word: &str) -> Option<&'static str> {
        Some(match word.to_lowercase().as_str() {
            "or" => "|",
            "and" => "&",
            "not" | "without" | "minus" | "except" => "-",
            _ => return None,
        })
    }

    /// A name that does not exist, read as names that do with a minus between them: what it is with the
    /// spaces that a minus needs.
    ///
    /// ```
    /// use laion_fmri::RoiQuery;
    ///
    /// let (rois, categories) = (["FFA1".to_owned()], ["face".to_owned()]);
    /// let spaced = RoiQuery::with_spaces("face-FFA1", &rois, &categories);
    /// assert_eq!(spaced.as_deref(), Some("face - FFA1"));
    /// assert_eq!(RoiQuery::with_spaces("face-FFA9", &rois, &categories), None);
    /// ```
    #[must_use]
    pub fn with_spaces(got: &str, rois: &[String], categories: &[String]) -> Option<String> {
        let is_known = |name: &str| rois.iter().chain(categories).any(|known| known == name);
        let parts: Vec<&str> = got.split('-').map(str::trim).collect();
        let is_difference = parts.len() > 1 && parts.iter().all(|part| is_known(part));
        is_difference.then(|| parts.join(" - "))
    }

    /// The items, taken apart.
    ///
    /// # Errors
    ///
    /// [`Error::RoiSyntax`].
    pub(crate) fn expressions(&self) -> Result<Vec<Expression>> {
        let mut names = 0;
        self.0.iter().map(|item| Expression::parse(item, &mut names)).collect()
    }
}

impl FromStr for RoiQuery {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let query = Self::from(text);
        query.expressions()?;
        Ok(query)
    }
}

impl fmt::Display for RoiQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, item) in self.0.iter().enumerate() {
            let separator = if number == 0 { "" } else { " | " };
            let is_name =
                !item.trim().contains(|c: char| c.is_whitespace() || c == '|' || c == '&');
            match !is_name && self.0.len() > 1 {
                true => write!(f, "{separator}({item})")?,
                false => write!(f, "{separator}{item}")?,
            }
        }
        Ok(())
    }
}

impl From<&str> for RoiQuery {
    fn from(item: &str) -> Self {
        Self(vec![item.to_owned()])
    }
}

impl From<String> for RoiQuery {
    fn from(item: String) -> Self {
        Self(vec![item])
    }
}

impl From<&String> for RoiQuery {
    fn from(item: &String) -> Self {
        Self(vec![item.clone()])
    }
}

impl From<&Self> for RoiQuery {
    fn from(query: &Self) -> Self {
        query.clone()
    }
}

impl<S: AsRef<str>> FromIterator<S> for RoiQuery {
    fn from_iter<I: IntoIterator<Item = S>>(items: I) -> Self {
        Self(items.into_iter().map(|item| item.as_ref().to_owned()).collect())
    }
}

impl<S: AsRef<str>> From<&[S]> for RoiQuery {
    fn from(items: &[S]) -> Self {
        items.iter().collect()
    }
}

impl<S: AsRef<str>> From<Vec<S>> for RoiQuery {
    fn from(items: Vec<S>) -> Self {
        items.into_iter().collect()
    }
}

impl<S: AsRef<str>> From<&Vec<S>> for RoiQuery {
    fn from(items: &Vec<S>) -> Self {
        items.iter().collect()
    }
}

impl<S: AsRef<str>, const N: usize> From<[S; N]> for RoiQuery {
    fn from(items: [S; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<S: AsRef<str>, const N: usize> From<&[S; N]> for RoiQuery {
    fn from(items: &[S; N]) -> Self {
        items.iter().collect()
    }
}

/// One item, taken apart. It is as deep as its parentheses, however long it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    Name(String),
    /// Applied from left to right.
    Chain(Box<Self>, Vec<(Operator, Self)>),
}

/// What is done with the voxels on the left and those on the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Union,
    Intersection,
    Difference,
}

impl Operator {
    fn of(token: &str) -> Option<Self> {
        match token {
            "|" => Some(Self::Union),
            "&" => Some(Self::Intersection),
            "-" => Some(Self::Difference),
            _ => None,
        }
    }
}

impl Expression {
    /// Takes an item apart and adds its names to the number of those of the query.
    ///
    /// # Errors
    ///
    /// [`Error::RoiSyntax`] when an operator lacks a side or a parenthesis its partner, and when it
    /// is too deep or the query has too many names.
    pub(crate) fn parse(item: &str, names: &mut usize) -> Result<Self> {
        let mut parser = Parser { item, tokens: Tokens { item, start: 0 }.peekable(), names };
        let expression = parser.sum(0)?;
        match parser.peek() {
            None => Ok(expression),
            Some(token) => Err(parser.unexpected(token)),
        }
    }

    /// The names in it, from left to right.
    pub(crate) fn names(&self) -> Vec<&str> {
        match self {
            Self::Name(name) => vec![name],
            Self::Chain(first, rest) => {
                let rest = rest.iter().flat_map(|(_, operand)| operand.names());
                first.names().into_iter().chain(rest).collect()
            }
        }
    }
}

struct Parser<'a, 'n> {
    item: &'a str,
    tokens: Peekable<Tokens<'a>>,
    /// How many names the query has so far.
    names: &'n mut usize,
}

impl<'a> Parser<'a, '_> {
    fn sum(&mut self, depth: usize) -> Result<Expression> {
        let is_sum = |operator| operator != Operator::Intersection;
        self.chain(is_sum, |parser| parser.product(depth))
    }

    fn product(&mut self, depth: usize) -> Result<Expression> {
        let is_product = |operator| operator == Operator::Intersection;
        self.chain(is_product, |parser| parser.operand(depth))
    }

    /// Operands between operators of one kind.
    fn chain(
        &mut self,
        takes: impl Fn(Operator) -> bool,
        mut operand: impl FnMut(&mut Self) -> Result<Expression>,
    ) -> Result<Expression> {
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some((_, token)) = self.peek()
            && let Some(operator) = Operator::of(token).filter(|operator| takes(*operator))
        {
            self.tokens.next();
            rest.push((operator, operand(self)?));
        }
        Ok(if rest.is_empty() { first } else { Expression::Chain(Box::new(first), rest) })
    }

    /// A name, or what stands in parentheses, which are so deep already.
    fn operand(&mut self, depth: usize) -> Result<Expression> {
        let Some((start, token)) = self.tokens.next() else {
            return Err(self.error(self.item.len(), "it ends where an ROI is expected"));
        };
        match token {
            "(" if depth == MOST_DEEP => {
                Err(self.error(start, &format!("parentheses are more than {MOST_DEEP} deep")))
            }
            "(" => {
                let inner = self.sum(depth + 1)?;
                match self.tokens.next() {
                    Some((_, ")")) => Ok(inner),
                    Some(token) => Err(self.unexpected(token)),
                    None => Err(self.error(start, "missing )")),
                }
            }
            "|" | "&" | "-" | ")" => Err(self.unexpected((start, token))),
            _ if *self.names == MOST_NAMES => {
                Err(self.error(start, &format!("the query has more than {MOST_NAMES} names")))
            }
            name => {
                *self.names += 1;
                Ok(Expression::Name(name.to_owned()))
            }
        }
    }

    fn peek(&mut self) -> Option<(usize, &'a str)> {
        self.tokens.peek().copied()
    }

    fn unexpected(&self, (start, token): (usize, &str)) -> Error {
        self.error(start, &format!("unexpected {token:?}"))
    }

    /// A problem at a byte.
    fn error(&self, start: usize, problem: &str) -> Error {
        let column = self.item[..start].chars().count() + 1;
        Error::RoiSyntax { query: self.item.to_owned(), column, problem: problem.to_owned() }
    }
}

/// Names and operators, each with the byte at which it begins. What no label can hold (`|`, `&` and
/// parentheses) needs no spaces around it, `-` does.
struct Tokens<'a> {
    item: &'a str,
    start: usize,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let stands_alone = |c: char| matches!(c, '(' | ')' | '|' | '&');
        let rest = &self.item[self.start..];
        let token = rest.trim_start();
        self.start += rest.len() - token.len();
        let first = token.chars().next()?;
        let ends = |c: char| c.is_whitespace() || stands_alone(c);
        let length = match stands_alone(first) {
            true => first.len_utf8(),
            false => token.find(ends).unwrap_or(token.len()),
        };
        let start = self.start;
        self.start += length;
        Some((start, &token[..length]))
    }
}

/// An expression, or of a long one what stands around a column, counted from 1.
pub(crate) fn around(item: &str, column: usize) -> String {
    const SHOWN: usize = 80;
    if item.chars().count() <= SHOWN {
        return item.to_owned();
    }
    let first = column.saturating_sub(SHOWN / 2);
    let mut rest = item.chars().skip(first);
    let shown: String = rest.by_ref().take(SHOWN).collect();
    let (before, after) = (if first > 0 { "..." } else { "" }, rest.next().map_or("", |_| "..."));
    format!("{before}{shown}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expression with every operation in brackets.
    fn shown(expression: &Expression) -> String {
        match expression {
            Expression::Name(name) => name.clone(),
            Expression::Chain(first, rest) => {
                rest.iter().fold(shown(first), |left, (operator, right)| {
                    let sign = match operator {
                        Operator::Union => '|',
                        Operator::Intersection => '&',
                        Operator::Difference => '-',
                    };
                    format!("[{left} {sign} {}]", shown(right))
                })
            }
        }
    }

    fn parse(item: &str) -> Result<Expression> {
        Expression::parse(item, &mut 0)
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
            ("face|place", "[face | place]"),
            ("a|b&(c|FFA-1)", "[a | [b & [c | FFA-1]]]"),
            ("a| b &c - d", "[[a | [b & c]] - d]"),
        ] {
            assert_eq!(shown(&parse(item).unwrap()), expected, "{item}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_quoted() {
        for (item, at, expected) in [
            ("", 1, "it ends where an ROI is expected"),
            ("a -", 4, "it ends where an ROI is expected"),
            ("| a", 1, "unexpected \"|\""),
            ("a b", 3, "unexpected \"b\""),
            ("ä & (a | b", 5, "missing )"),
            ("ä)", 2, "unexpected \")\""),
            ("()", 2, "unexpected \")\""),
            ("V1v|V1d&", 9, "it ends where an ROI is expected"),
            ("a||b", 3, "unexpected \"|\""),
        ] {
            let error = parse(item).unwrap_err();
            assert!(
                matches!(&error, Error::RoiSyntax { query, column, problem }
                    if query == item && *column == at && problem == expected),
                "{item}: {error:?}"
            );
        }
        assert_eq!(
            parse("a b").unwrap_err().to_string(),
            "cannot read the ROI expression \"a b\": unexpected \"b\" (at column 3)"
        );
    }

    #[test]
    fn depth_and_names_are_limited_with_the_place() {
        let nested = |depth| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert_eq!(shown(&parse(&nested(64)).unwrap()), "a");
        for depth in [65, 10_000, 1_000_000] {
            for item in [nested(depth), "(".repeat(depth), format!("ä - {}", nested(depth))] {
                let first = item.chars().take_while(|c| *c != '(').count();
                let error = parse(&item).unwrap_err();
                let Error::RoiSyntax { query, column, problem } = &error else { panic!("{error}") };
                assert_eq!((query, *column), (&item, first + 65));
                assert_eq!(problem, "parentheses are more than 64 deep");
                assert!(error.to_string().len() < 200, "{error}");
            }
        }
        for operator in [" | ", " & ", " - "] {
            assert_eq!(parse(&vec!["a"; 4096].join(operator)).unwrap().names().len(), 4096);
            let error = parse(&vec!["a"; 20_000].join(operator)).unwrap_err();
            assert!(
                matches!(&error, Error::RoiSyntax { column: 16_385, problem, .. }
                    if problem == "the query has more than 4096 names"),
                "{error}"
            );
        }
        // The limit is one of the query, not of each item.
        assert_eq!(RoiQuery::from(vec!["a"; 4096]).expressions().unwrap().len(), 4096);
        let mut items = vec!["a | b"; 2048];
        items.push("(ab - c)");
        assert!(matches!(
            RoiQuery::from(items).expressions(),
            Err(Error::RoiSyntax { query, column: 2, .. }) if query == "(ab - c)"
        ));
    }

    #[test]
    fn a_query_is_made_from_whatever_holds_names() {
        let names = ["FFA1", "V1v"];
        let owned: Vec<String> = names.iter().map(ToString::to_string).collect();
        let expected: RoiQuery = names.iter().collect();
        assert_eq!(expected.items(), names);
        for query in [
            RoiQuery::from(names),
            RoiQuery::from(&names),
            RoiQuery::from(names.as_slice()),
            RoiQuery::from(names.to_vec()),
            RoiQuery::from(&names.to_vec()),
            RoiQuery::from(owned.as_slice()),
            RoiQuery::from(&owned),
            RoiQuery::from([owned[0].clone(), owned[1].clone()]),
            RoiQuery::from(&expected),
            owned.iter().collect(),
            RoiQuery::from(owned),
        ] {
            assert_eq!(query, expected);
        }
        for query in [RoiQuery::from("FFA1".to_owned()), RoiQuery::from(&"FFA1".to_owned())] {
            assert_eq!(query, RoiQuery::from("FFA1"));
        }
    }

    #[test]
    fn a_query_and_its_text_mean_the_same() {
        for (items, text) in [
            (vec!["a"], "a"),
            (vec!["a - b"], "a - b"),
            (vec!["a - b", " c ", "d & (e)"], "(a - b) |  c  | (d & (e))"),
            (vec!["a", "b&c"], "a | (b&c)"),
        ] {
            let query = RoiQuery::from(items);
            assert_eq!(query.to_string(), text);
            assert_eq!(text.parse::<RoiQuery>().unwrap(), RoiQuery::from(text));
        }
        assert!(matches!(
            "a - ".parse::<RoiQuery>(),
            Err(Error::RoiSyntax { query, column: 5, .. }) if query == "a - "
        ));
    }
}
