//! Formatting of numbers for pages.

/// A number with grouped thousands: "1,204".
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// [`grouped`] for a count.
pub fn grouped_count(count: usize) -> String {
    grouped(i64::try_from(count).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_thousands_are_grouped() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1204, "1,204"), (1_000_000, "1,000,000"), (-1500, "-1,500")]
        {
            assert_eq!(grouped(number), text);
        }
    }
}
