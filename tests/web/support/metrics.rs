//! The page of metrics, read.

use std::collections::BTreeMap;

use super::app::TestApp;

/// The samples of a page of metrics, by name and labels, without the prefix that all have.
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// What an application counts now.
    pub async fn of(app: &TestApp) -> Self {
        Self::parse(&app.ops().get("/metrics").await.expect(200).body)
    }

    fn parse(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.strip_prefix("gatehouse_").unwrap().to_owned(), value.parse().unwrap())
        };
        Self(samples.map(sample).collect())
    }

    /// The value of a sample; 0: there is none.
    pub fn value(&self, sample: &str) -> f64 {
        self.0.get(sample).copied().unwrap_or(0.0)
    }

    /// Names with their labels, without the values.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// By how much the samples of these names have grown; those that have not are left out.
    pub fn more_than(&self, before: &Self, names: &[&str]) -> BTreeMap<String, f64> {
        let of_names = self.0.iter().filter(|(sample, _)| names.contains(&sample.split('{').next().unwrap()));
        let grown = of_names.map(|(sample, value)| (sample.clone(), value - before.value(sample)));
        grown.filter(|(_, more)| *more != 0.0).collect()
    }
}
