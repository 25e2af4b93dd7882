//! Rust source with code, comments, literals and tests told apart, line by line.

/// The lines of a Rust file: once with comments and literals blanked, once the comments alone, once the
/// texts of literals alone.
#[derive(Debug)]
pub(crate) struct Source {
    /// Code without comments, and with empty literals.
    pub(crate) code: Vec<String>,
    /// Comments without code.
    pub(crate) comments: Vec<String>,
    /// Literals without their quotes.
    pub(crate) literals: Vec<String>,
    /// Whether the line belongs to an item under `#[cfg(test)]`.
    pub(crate) test: Vec<bool>,
}

impl Source {
    /// Splits a file. Unclosed comments and literals run to its end.
    pub(crate) fn parse(text: &str) -> Self {
        let mut splitter = Splitter::new(text);
        splitter.run();
        let code: Vec<String> = splitter.code.lines().map(str::to_owned).collect();
        let comments = splitter.comments.lines().map(str::to_owned).collect();
        let literals = splitter.literals.lines().map(str::to_owned).collect();
        let test = test_lines(&code);
        Self { code, comments, literals, test }
    }
}

struct Splitter {
    text: Vec<char>,
    position: usize,
    code: String,
    comments: String,
    literals: String,
}

/// Which of the three a character belongs to.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Code,
    Comment,
    Literal,
}

impl Splitter {
    fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            position: 0,
            code: String::with_capacity(text.len()),
            comments: String::with_capacity(text.len()),
            literals: String::with_capacity(text.len()),
        }
    }

    fn run(&mut self) {
        while let Some(character) = self.peek(0) {
            match (character, self.peek(1)) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('\'', _) => self.character_or_lifetime(),
                ('r', _) if self.raw_string_hashes().is_some() => self.raw_string(),
                _ => self.take_code(),
            }
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.text.get(self.position + ahead).copied()
    }

    /// Moves one character to its side, and a blank to the others.
    fn take(&mut self, side: Side) {
        let Some(character) = self.peek(0) else { return };
        let or_blank = |of: Side| if of == side || character == '\n' { character } else { ' ' };
        self.code.push(or_blank(Side::Code));
        self.comments.push(or_blank(Side::Comment));
        self.literals.push(or_blank(Side::Literal));
        self.position += 1;
    }

    fn take_code(&mut self) {
        self.take(Side::Code);
    }

    fn take_comment(&mut self) {
        self.take(Side::Comment);
    }

    fn take_literal(&mut self) {
        self.take(Side::Literal);
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|character| character != '\n') {
            self.take_comment();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        while let Some(character) = self.peek(0) {
            match (character, self.peek(1)) {
                ('/', Some('*')) => {
                    depth += 1;
                    self.take_comment();
                }
                ('*', Some('/')) => {
                    depth -= 1;
                    self.take_comment();
                }
                _ => {}
            }
            self.take_comment();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.take_code();
        while let Some(character) = self.peek(0) {
            match character {
                '"' => return self.take_code(),
                '\\' => {
                    self.take_literal();
                    self.take_literal();
                }
                _ => self.take_literal(),
            }
        }
    }

    fn character_or_lifetime(&mut self) {
        self.take_code();
        if self.peek(0) == Some('\\') {
            self.take_literal();
            self.take_literal();
            while self.peek(0).is_some_and(|character| character != '\'') {
                self.take_literal();
            }
            self.take_code();
        } else if self.peek(1) == Some('\'') {
            self.take_literal();
            self.take_code();
        }
    }

    /// The number of `#` if a raw string starts here (at its `r`).
    fn raw_string_hashes(&self) -> Option<usize> {
        let previous = self.position.checked_sub(1).and_then(|before| self.text.get(before));
        let in_a_word = |character: &char| character.is_alphanumeric() || *character == '_';
        let after_prefix = matches!(previous, Some('b' | 'c')) && {
            let before = self.position.checked_sub(2).and_then(|before| self.text.get(before));
            !before.is_some_and(in_a_word)
        };
        if previous.is_some_and(in_a_word) && !after_prefix {
            return None;
        }
        let hashes = (1..).take_while(|&ahead| self.peek(ahead) == Some('#')).count();
        (self.peek(1 + hashes) == Some('"')).then_some(hashes)
    }

    fn raw_string(&mut self) {
        let hashes = self.raw_string_hashes().unwrap_or(0);
        for _ in 0..hashes + 2 {
            self.take_code();
        }
        while let Some(character) = self.peek(0) {
            let closes =
                character == '"' && (1..=hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if closes {
                for _ in 0..=hashes {
                    self.take_code();
                }
                return;
            }
            self.take_literal();
        }
    }
}

/// Marks the items under `#[cfg(test)]`, from the attribute to the closing brace or semicolon.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut test = vec![false; code.len()];
    let mut number = 0;
    while number < code.len() {
        if !code[number].trim_start().starts_with("#[cfg(test)]") {
            number += 1;
            continue;
        }
        let end = item_end(code, number);
        test[number..=end].fill(true);
        number = end + 1;
    }
    test
}

/// The line on which the item ends whose attribute is on line `start`.
fn item_end(code: &[String], start: usize) -> usize {
    let mut depth = 0_usize;
    for (number, line) in code.iter().enumerate().skip(start) {
        for character in line.chars() {
            match character {
                '{' => depth += 1,
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return number;
                    }
                }
                ';' if depth == 0 => return number,
                _ => {}
            }
        }
    }
    code.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: &str, comments: &str) {
        let source = Source::parse(text);
        assert_eq!(source.code.join("\n"), code, "code of {text:?}");
        assert_eq!(source.comments.join("\n"), comments, "comments of {text:?}");
    }

    #[test]
    fn comments_are_told_from_code() {
        check("a(); // b", "a();     ", "     // b");
        check("a /* b /* c */ d */ e", "a                   e", "  /* b /* c */ d */  ");
        check("/* b\nc */ d", "    \n     d", "/* b\nc */  ");
    }

    /// The code of a line without its blanks, which is enough to see what was taken for a literal.
    fn check_code(text: &str, expected: &str) {
        let code = Source::parse(text).code.join("\n").replace(' ', "");
        assert_eq!(code, expected, "code of {text:?}");
    }

    #[test]
    fn literals_are_blanked() {
        check(r#"f("//") // g"#, r#"f("  ")     "#, "        // g");
        check_code(r#"f("a \" b", c)"#, r#"f("",c)"#);
        check_code(r#"f("\\", "b")"#, r#"f("","")"#);
        check_code("f(r\"\\\", b)", "f(r\"\",b)");
        check_code("f(br##\"a\"# b\"##, c)", "f(br##\"\"##,c)");
        check_code("f(r#type, attr\"b\")", "f(r#type,attr\"\")");
        check_code(r"f('a', '\'', '\u{7f}', b'\\')", "f('','','',b'')");
        check_code("fn f<'a>(b: &'a str) -> 'static { '\"' }", "fnf<'a>(b:&'astr)->'static{''}");
    }

    #[test]
    fn literals_are_kept_apart() {
        let literals = Source::parse("f(\"a --b\", 'c'); // \"d\"\ng(r#\"e\"#)").literals;
        let texts: Vec<&str> = literals.iter().map(|line| line.trim()).collect();
        assert_eq!(texts, ["a --b    c", "e"]);
    }

    #[test]
    fn test_items_are_marked() {
        let source = Source::parse(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { \"}\"; }\n}\nfn c() {}\n\
             #[cfg(test)]\nuse d::{e, f};\nfn g() {}\n#[cfg(test)]\nmod h;\nfn i() {}",
        );
        let marked: Vec<usize> = (0..source.test.len()).filter(|&line| source.test[line]).collect();
        assert_eq!(marked, [1, 2, 3, 4, 6, 7, 9, 10]);
    }

    #[test]
    fn this_file_is_understood() {
        let text = include_str!("source.rs");
        let source = Source::parse(text);
        assert_eq!(source.code.len(), text.lines().count());
        assert_eq!(source.comments.len(), text.lines().count());
        let count = |wanted| source.code.join("\n").matches(wanted).count();
        assert_eq!(count('{'), count('}'));
        let first = source.test.iter().position(|test| *test).unwrap();
        assert_eq!(text.lines().nth(first), Some("#[cfg(test)]"));
        assert!(source.test[first..].iter().all(|test| *test));
    }
}
