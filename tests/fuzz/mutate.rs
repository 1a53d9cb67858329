//! Known inputs with random changes.

use proptest::{collection::vec, prelude::*, sample::Index};

/// What readers of addresses, cookies, forms and JSON treat specially.
const TOKENS: [&[u8]; 34] = [
    b"%00",
    b"%2f",
    b"%2F",
    b"%5c",
    b"%ff",
    b"%",
    b"//",
    b"\\",
    b"/",
    b".",
    b"..",
    b"@",
    b":",
    b"?",
    b"#",
    b"&",
    b"=",
    b";",
    b",",
    b" ",
    b"\t",
    b"\"",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\\u0061",
    b"\\ud800",
    b"null",
    b"true",
    b"\xff",
    b"\0",
    "\u{a0}".as_bytes(),
    "\u{2000}".as_bytes(),
];

/// One change of an input. Places and lengths are parts of the input's length.
#[derive(Debug, Clone)]
enum Change {
    Insert(Index, Vec<u8>),
    Delete(Index, Index),
    Repeat(Index, Index),
    /// Goes on with the end of another known input.
    Splice(Index, Vec<u8>),
}

/// One of the lines of a corpus with up to four changes, or random bytes.
pub fn bytes(corpus: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&'static [u8]> = corpus.lines().map(str::as_bytes).collect();
    let known = proptest::sample::select(lines);
    let token =
        prop_oneof![proptest::sample::select(&TOKENS[..]).prop_map(<[u8]>::to_vec), vec(any::<u8>(), 1..3)];
    let change = prop_oneof![
        (any::<Index>(), token).prop_map(|(at, what)| Change::Insert(at, what)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Delete(from, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Repeat(from, to)),
        (any::<Index>(), known.clone()).prop_map(|(at, end)| Change::Splice(at, end.to_vec())),
    ];
    let changed = (known, vec(change, 0..5)).prop_map(|(known, changes)| {
        changes.into_iter().fold(known.to_vec(), |input, change| change.made_to(input))
    });
    prop_oneof![6 => changed, 1 => vec(any::<u8>(), 0..60)]
}

/// The same as text; what is not UTF-8 is replaced.
pub fn text(corpus: &'static str) -> impl Strategy<Value = String> {
    bytes(corpus).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

impl Change {
    fn made_to(self, mut input: Vec<u8>) -> Vec<u8> {
        let place = |index: Index, input: &[u8]| index.index(input.len() + 1);
        let range = |from: Index, to: Index, input: &[u8]| {
            let (from, to) = (place(from, input), place(to, input));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Insert(at, what) => {
                let at = place(at, &input);
                input.splice(at..at, what);
            }
            Self::Delete(from, to) => drop(input.drain(range(from, to, &input))),
            Self::Repeat(from, to) => {
                let range = range(from, to, &input);
                let again = input[range.clone()].to_vec();
                input.splice(range.end..range.end, again);
            }
            Self::Splice(at, end) => {
                let at = place(at, &input);
                input.splice(at.., end);
            }
        }
        input
    }
}
