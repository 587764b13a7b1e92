//! `peers all`: every client at every work in turn, each in a fresh process, and the medians as Markdown.

use std::{collections::HashMap, fmt::Write, time::Duration};

use crate::{Options, child, clients::Peer, measure::Figures, quiet::Waiting, work::Work};

/// The runs, by client and work.
pub(crate) type Cells = HashMap<(&'static str, &'static str), Vec<Figures>>;

pub(crate) fn all(options: &Options) -> Result<(), String> {
    let server = crate::start_server(options)?;
    let mut cells = Cells::new();
    let mut waits = Waits::default();
    for round in 1..=options.rounds {
        for &work in &options.works {
            for &peer in options.clients.iter().filter(|peer| peer.supports(work, options.deployment)) {
                let waiting = Waiting::of(server.pid());
                match run_child(options, server.port, peer, work) {
                    Ok(figures) => {
                        waits.note(&figures, waiting.share());
                        eprintln!("round {round}: {}", describe(peer, work, &figures));
                        cells.entry((peer.name(), work.name())).or_default().push(figures);
                    }
                    Err(message) => eprintln!("round {round}: {} {} FAILED: {message}", peer.name(), work.name()),
                }
            }
        }
    }
    let medians = Medians::of(&cells);
    println!("{}", medians.summary(options));
    println!("{}\n", waits.in_words());
    for &work in &options.works {
        println!("{}", medians.table(options, work));
    }
    Ok(())
}

/// One run in a fresh process, on the server or the cluster's node at `port`.
pub(crate) fn run_child(options: &Options, port: u16, peer: Peer, work: Work) -> Result<Figures, String> {
    let mut arguments = vec!["run".to_owned(), peer.name().to_owned(), work.name().to_owned()];
    arguments.extend(options.for_child(port));
    let plan = options.plan();
    let limit = Duration::from_secs(30) + 3 * (plan.warm_up + plan.throughput + plan.latency);
    let output = child::run(&arguments, limit).map_err(|trouble| trouble.to_string())?;
    Figures::parse(&output).ok_or_else(|| format!("no figures: {output}"))
}

/// How disturbed the runs were.
#[derive(Default)]
struct Waits {
    client: Vec<f64>,
    server: Vec<f64>,
}

impl Waits {
    fn note(&mut self, figures: &Figures, server: f64) {
        self.client.push(figures.waited * 100.0);
        self.server.push(server * 100.0);
    }

    fn in_words(&self) -> String {
        let words = |shares: &[f64]| {
            let mut shares = shares.to_vec();
            shares.sort_by(f64::total_cmp);
            let middle = shares.get(shares.len() / 2).copied().unwrap_or(f64::NAN);
            format!("{middle:.1} % (at most {:.1} %)", shares.last().copied().unwrap_or(f64::NAN))
        };
        format!(
            "Waiting for a core, share of a run: client {}, server {}. Above a few percent another process was running \
             and throughput and latencies mean nothing.",
            words(&self.client),
            words(&self.server)
        )
    }
}

/// One run in one line, for the eye.
pub(crate) fn describe(peer: Peer, work: Work, figures: &Figures) -> String {
    if work == Work::Allocations {
        return format!(
            "{} {}: {:.2} allocations, {:.0} bytes per call",
            peer.name(),
            work.name(),
            figures.allocations,
            figures.bytes
        );
    }
    format!(
        "{} {}: {}/s, user {}, system {}, p50 {}, p99 {}, p99.9 {}, without a core {:.1} %",
        peer.name(),
        work.name(),
        count(figures.ops_per_second),
        time(figures.user_ns),
        time(figures.system_ns),
        time(figures.p50_ns),
        time(figures.p99_ns),
        time(figures.p999_ns),
        figures.waited * 100.0
    )
}

pub(crate) struct Medians(HashMap<(&'static str, &'static str), Figures>);

impl Medians {
    pub(crate) fn of(cells: &Cells) -> Self {
        Self(cells.iter().map(|(cell, runs)| (*cell, median(runs))).collect())
    }

    pub(crate) fn get(&self, peer: Peer, work: Work) -> Option<&Figures> {
        self.0.get(&(peer.name(), work.name()))
    }

    /// The smallest value of a field among the rivals.
    pub(crate) fn best(&self, options: &Options, work: Work, field: impl Fn(&Figures) -> f64) -> Option<f64> {
        let rivals = options.clients.iter().filter(|peer| peer.is_rival());
        rivals.filter_map(|&peer| self.get(peer, work)).map(field).min_by(f64::total_cmp)
    }

    /// The table of the works by the clients: what one looks at first.
    fn summary(&self, options: &Options) -> String {
        let mut out = format!(
            "## Summary: user CPU per operation, operations per second (medians of {}, runtime {})\n\n| work |",
            options.rounds,
            options.runtime.name()
        );
        for peer in &options.clients {
            let _ = write!(out, " {} |", peer.title());
        }
        out.push_str("\n|---|");
        out.push_str(&"---|".repeat(options.clients.len()));
        out.push('\n');
        for &work in &options.works {
            let _ = write!(out, "| {} |", work.title());
            for &peer in &options.clients {
                match self.get(peer, work) {
                    None => out.push_str(" - |"),
                    Some(figures) => {
                        let _ = write!(out, " {} |", cell(work, figures));
                    }
                }
            }
            out.push('\n');
        }
        out
    }

    pub(crate) fn table(&self, options: &Options, work: Work) -> String {
        if work == Work::Allocations {
            return self.allocations(options);
        }
        let best_user = self.best(options, work, |figures| figures.user_ns);
        let best_cpu = self.best(options, work, |figures| figures.user_ns + figures.system_ns);
        let best_rate = self.best(options, work, |figures| -figures.ops_per_second).map(|rate| -rate);
        let best_p50 = self.best(options, work, |figures| figures.p50_ns);
        let mut out = format!(
            "### {}\n\n| client | ops/s | x best peer | user | x best peer | user + system | x best peer | p50 | x best peer | p99 | p99.9 |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
            work.title()
        );
        for &peer in &options.clients {
            let Some(figures) = self.get(peer, work) else { continue };
            let cpu = figures.user_ns + figures.system_ns;
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                peer.title(),
                count(figures.ops_per_second),
                ratio(figures.ops_per_second, best_rate),
                time(figures.user_ns),
                ratio(figures.user_ns, best_user),
                time(cpu),
                ratio(cpu, best_cpu),
                time(figures.p50_ns),
                ratio(figures.p50_ns, best_p50),
                time(figures.p99_ns),
                time(figures.p999_ns)
            );
        }
        out
    }

    fn allocations(&self, options: &Options) -> String {
        let work = Work::Allocations;
        let best = self.best(options, work, |figures| figures.allocations);
        let mut out =
            format!("### {}\n\n| client | allocations | x best peer | bytes |\n|---|---|---|---|\n", work.title());
        for &peer in &options.clients {
            let Some(figures) = self.get(peer, work) else { continue };
            let _ = writeln!(
                out,
                "| {} | {:.2} | {} | {:.0} |",
                peer.title(),
                figures.allocations,
                ratio(figures.allocations, best),
                figures.bytes
            );
        }
        out
    }
}

fn cell(work: Work, figures: &Figures) -> String {
    match work {
        Work::Allocations => format!("{:.1} ({:.0} B)", figures.allocations, figures.bytes),
        Work::Get1m => format!("{} + {}", time(figures.user_ns), time(figures.system_ns)),
        Work::Get1 => format!("p50 {}, p99 {}", time(figures.p50_ns), time(figures.p99_ns)),
        _ => format!("{}, {}/s", time(figures.user_ns), count(figures.ops_per_second)),
    }
}

/// Field by field.
fn median(runs: &[Figures]) -> Figures {
    let mut fields = Figures::default().fields();
    for (n, field) in fields.iter_mut().enumerate() {
        let mut values: Vec<f64> = runs.iter().map(|figures| figures.fields()[n]).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        *field = if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) };
    }
    Figures::from_fields(fields)
}

pub(crate) fn ratio(value: f64, best: Option<f64>) -> String {
    best.map_or_else(|| "-".to_owned(), |best| format!("{:.2}", value / best))
}

pub(crate) fn time(ns: f64) -> String {
    match ns {
        ns if ns < 10_000.0 => format!("{:.2} µs", ns / 1e3),
        ns if ns < 100_000.0 => format!("{:.1} µs", ns / 1e3),
        ns if ns < 10_000_000.0 => format!("{:.0} µs", ns / 1e3),
        ns => format!("{:.1} ms", ns / 1e6),
    }
}

pub(crate) fn count(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e5 => format!("{:.0} k", n / 1e3),
        n if n >= 1e3 => format!("{:.1} k", n / 1e3),
        n => format!("{n:.0} "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(ops_per_second: f64) -> Figures {
        Figures { ops_per_second, ..Figures::default() }
    }

    #[test]
    fn median_is_the_middle_run_or_halfway_between_two() {
        assert_eq!(median(&[rate(9.0), rate(1.0), rate(2.0)]).ops_per_second, 2.0);
        assert_eq!(median(&[rate(4.0), rate(2.0)]).ops_per_second, 3.0);
    }

    #[test]
    fn times_and_counts_keep_three_digits() {
        assert_eq!([time(360.0), time(42_700.0), time(12_400_000.0)], ["0.36 µs", "42.7 µs", "12.4 ms"]);
        assert_eq!([count(688_000.0), count(2_160_000.0), count(4_900.0)], ["688 k", "2.16 M", "4.9 k"]);
    }
}
