//! Passwords that are known from breaches: looked up in a file of their SHA-1 hashes, sorted by hash, as "Pwned Passwords" has it.
//!
//! The file has billions of lines and is searched by bisection: one lookup reads some forty of them, and none is kept.

use std::{
    cmp::Ordering,
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use sha1::{Digest as _, Sha1};

/// Hexadecimal digits of a hash.
const DIGITS: usize = 40;

/// Longest line: a hash, and after a colon how often it was seen.
const MAX_LINE: usize = 128;

/// Lines that are compared at the start to see whether the file is sorted.
const SAMPLES: u64 = 64;

/// The file of breached passwords. Each lookup opens it, so that it can be replaced by a newer one while the server runs.
#[derive(Debug, Clone)]
pub struct BreachedPasswords {
    path: PathBuf,
}

/// A line: where the next one begins, and its hash in upper case.
struct Line {
    next: u64,
    hash: [u8; DIGITS],
}

impl BreachedPasswords {
    /// Opens the file and checks at its ends and in between that it is what it should be.
    ///
    /// # Errors
    /// Why it is not, for whoever configured it.
    pub fn open(path: &Path) -> Result<Self, String> {
        let reason = |error: io::Error| error.to_string();
        let file = File::open(path).map_err(reason)?;
        let metadata = file.metadata().map_err(reason)?;
        if !metadata.is_file() {
            return Err("is no file".to_owned());
        }
        let length = metadata.len();
        let mut before = None;
        for sample in 0..SAMPLES {
            let at =
                u64::try_from(u128::from(length) * u128::from(sample) / u128::from(SAMPLES)).unwrap_or(0);
            let Some(line) = line_from(&file, at, length).map_err(reason)? else { continue };
            if before.is_some_and(|before| before > line.hash) {
                return Err("is not sorted by hash".to_owned());
            }
            before = Some(line.hash);
        }
        before.map(|_| Self { path: path.to_owned() }).ok_or_else(|| "is empty".to_owned())
    }

    /// Whether the file has the password.
    ///
    /// # Errors
    /// When the file can't be read, or a line of it is no hash: which file, and why, for whoever configured it.
    pub fn contains(&self, password: &str) -> io::Result<bool> {
        let unreadable = |error: io::Error| {
            io::Error::new(error.kind(), format!("BREACHED_PASSWORDS: {}: {error}", self.path.display()))
        };
        self.search(password).map_err(unreadable)
    }

    fn search(&self, password: &str) -> io::Result<bool> {
        let file = File::open(&self.path)?;
        let length = file.metadata()?.len();
        let mut wanted = [0; DIGITS];
        hex::encode_to_slice(Sha1::digest(password.as_bytes()), &mut wanted).map_err(io::Error::other)?;
        wanted.make_ascii_uppercase();
        // The wanted line begins in `low..high`, if there is one.
        let (mut low, mut high) = (0, length);
        while low < high {
            let middle = low + (high - low) / 2;
            let Some(line) = line_from(&file, middle, length)? else {
                high = middle;
                continue;
            };
            match line.hash.cmp(&wanted) {
                Ordering::Equal => return Ok(true),
                // The lines that begin before this one and not before `middle`: none.
                Ordering::Greater => high = middle,
                Ordering::Less => low = line.next,
            }
        }
        Ok(false)
    }
}

/// The first line that begins at this byte or after it; `None`: none does.
fn line_from(file: &File, at: u64, length: u64) -> io::Result<Option<Line>> {
    // A line begins at the start of the file or after a line break.
    let before = at.saturating_sub(1);
    let mut buffer = [0; 2 * MAX_LINE];
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], before + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    let bytes = &buffer[..filled];
    let start = match at {
        0 => 0,
        _ => match bytes.iter().position(|byte| *byte == b'\n') {
            Some(found) => found + 1,
            None if before + filled as u64 >= length => return Ok(None),
            None => return Err(no_hash(before)),
        },
    };
    let line = &bytes[start..];
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let end = line.iter().position(|byte| *byte == b'\n').map_or(line.len(), |found| found + 1);
    let hash = line.get(..DIGITS).filter(|hash| hash.iter().all(u8::is_ascii_hexdigit));
    let is_line = matches!(line.get(DIGITS), None | Some(b':' | b'\r' | b'\n'));
    let hash: Option<[u8; DIGITS]> = hash.filter(|_| is_line).and_then(|hash| hash.try_into().ok());
    let mut hash = hash.ok_or_else(|| no_hash(before + start as u64))?;
    hash.make_ascii_uppercase();
    Ok(Some(Line { next: before + (start + end) as u64, hash }))
}

fn no_hash(at: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the line at byte {at} is no SHA-1 hash in hexadecimal digits"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(password: &str) -> String {
        hex::encode_upper(Sha1::digest(password.as_bytes()))
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn breached_password_is_found_wherever_it_stands() {
        for count in [1_usize, 2, 3, 7, 500] {
            let known: Vec<String> = (0..count).map(|number| format!("known {number}")).collect();
            let mut hashes: Vec<String> = known.iter().map(|password| line(password)).collect();
            hashes.sort();
            for (numbered, separator, last) in [(true, "\r\n", "\r\n"), (true, "\n", ""), (false, "\n", "\n")]
            {
                let lines: Vec<String> = hashes
                    .iter()
                    .enumerate()
                    .map(|(at, hash)| {
                        if numbered {
                            format!("{hash}:{}", 7_usize.pow(at as u32 % 9))
                        } else {
                            hash.to_lowercase()
                        }
                    })
                    .collect();
                let file = file(&format!("{}{last}", lines.join(separator)));
                let breached = BreachedPasswords::open(file.path()).unwrap();
                for password in &known {
                    assert!(breached.contains(password).unwrap(), "{password} of {count}");
                }
                for number in 0..200 {
                    assert!(!breached.contains(&format!("unknown {number}")).unwrap());
                }
            }
        }
    }

    #[test]
    fn breached_file_of_another_kind_is_refused() {
        let (one, other) = (line("1"), line("2"));
        let (less, greater) = if one < other { (one, other) } else { (other, one) };
        let long = "x".repeat(10_000);
        for (text, part) in [
            ("", "empty"),
            ("\n", "empty"),
            ("password1\npassword2\n", "no SHA-1 hash"),
            (&*format!("{greater}:1\n{less}:2\n"), "not sorted"),
            (&*format!("{less}{greater}\n"), "no SHA-1 hash"),
            (&*format!("{less}:1\n{long}"), "no SHA-1 hash"),
        ] {
            let file = file(text);
            let refused = BreachedPasswords::open(file.path()).unwrap_err();
            assert!(refused.contains(part), "{text:.80}: {refused}");
        }
        assert!(BreachedPasswords::open(Path::new("/")).unwrap_err().contains("no file"));
        assert!(BreachedPasswords::open(Path::new("/none")).is_err());
    }
}
