//! Two moments compared: what happens in a second.

use super::{
    figures::{ChannelRow, ConnectionRow, Counts, Figures},
    order::Order,
};
use std::{cmp::Reverse, collections::HashMap};

/// The figures of a moment, with the rates since the one before.
#[derive(Debug)]
pub(super) struct Report {
    figures: Figures,
    pub(super) rates: Rates,
    /// The same channels, those with most messages a second first.
    pub(super) channels: Vec<(ChannelRow, f64)>,
}

/// How much of each in a second; `None` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) publishes: Option<f64>,
    pub(super) deliveries: Option<f64>,
    pub(super) sent_bytes: Option<f64>,
    pub(super) refusals: Option<f64>,
}

impl Report {
    pub(super) fn between(before: &Figures, mut now: Figures, order: Order) -> Self {
        let seconds = now.at.saturating_duration_since(before.at).as_secs_f64();
        let rates = Rates::between(&before.counts, &now.counts, seconds);
        let channels = busiest(&before.channels, &now.channels, seconds);
        order.sort(&mut now.connections);
        Self { figures: now, rates, channels }
    }

    pub(super) fn figures(&self) -> &Figures {
        &self.figures
    }

    pub(super) fn into_figures(self) -> Figures {
        self.figures
    }

    pub(super) fn sort(&mut self, order: Order) {
        order.sort(&mut self.figures.connections);
    }

    /// The connections, in their order.
    pub(super) fn connections(&self) -> &[ConnectionRow] {
        &self.figures.connections
    }

    /// How far the slowest connection is behind, in messages.
    pub(super) fn lag_max(&self) -> u64 {
        self.connections().iter().map(|it| it.lag).max().unwrap_or(0)
    }
}

impl Rates {
    fn between(before: &Counts, now: &Counts, seconds: f64) -> Self {
        let rate = |of: fn(&Counts) -> Option<f64>| {
            // A server that was restarted counts from zero.
            let more = of(now)? - of(before)?;
            (seconds > 0.0 && more >= 0.0).then_some(more / seconds)
        };
        Self {
            publishes: rate(|it| it.publishes),
            deliveries: rate(|it| it.deliveries),
            sent_bytes: rate(|it| it.sent_bytes),
            refusals: rate(|it| it.refusals),
        }
    }
}

fn busiest(before: &[ChannelRow], now: &[ChannelRow], seconds: f64) -> Vec<(ChannelRow, f64)> {
    let counts: HashMap<&str, u64> =
        before.iter().map(|row| (row.channel.as_str(), row.appended)).collect();
    let rate = |row: &ChannelRow| {
        let earlier = counts.get(row.channel.as_str()).copied().unwrap_or(0);
        let more = u32::try_from(row.appended.saturating_sub(earlier)).unwrap_or(u32::MAX);
        if seconds > 0.0 { f64::from(more) / seconds } else { 0.0 }
    };
    let mut rows: Vec<_> = now.iter().map(|row| (row.clone(), rate(row))).collect();
    rows.sort_by(|(one, rate), (other, other_rate)| {
        let by_rate = other_rate.total_cmp(rate);
        by_rate.then_with(|| Reverse(one.messages).cmp(&Reverse(other.messages)))
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn figures(at: Instant, publishes: f64, appended: [u64; 2], lags: [u64; 2]) -> Figures {
        let channel = |(name, appended): (&str, u64)| ChannelRow {
            channel: name.to_owned(),
            messages: 1,
            bytes: 1,
            appended,
        };
        let connection = |lag| ConnectionRow { lag, ..ConnectionRow::default() };
        Figures {
            at,
            counts: Counts { publishes: Some(publishes), ..Counts::default() },
            connections: lags.map(connection).into(),
            connection_count: 2,
            channels: ["a", "b"].into_iter().zip(appended).map(channel).collect(),
            has_more_channels: false,
            notes: Vec::new(),
        }
    }

    #[test]
    fn rates_are_of_a_second_and_the_busiest_and_slowest_come_first() {
        let start = Instant::now();
        let before = figures(start, 10.0, [5, 5], [0, 0]);
        let now = figures(start + Duration::from_secs(2), 14.0, [5, 11], [3, 9]);
        let report = Report::between(&before, now, Order::Lag);
        assert_eq!((report.rates.publishes, report.rates.deliveries), (Some(2.0), None));
        let channels: Vec<_> =
            report.channels.iter().map(|(row, rate)| (row.channel.as_str(), *rate)).collect();
        assert_eq!(channels, [("b", 3.0), ("a", 0.0)]);
        let lags: Vec<_> = report.connections().iter().map(|it| it.lag).collect();
        assert_eq!((lags, report.lag_max()), (vec![9, 3], 9));
    }

    #[test]
    fn a_server_that_was_restarted_has_no_rate() {
        let start = Instant::now();
        let (before, now) = (
            figures(start, 10.0, [5, 5], [0, 0]),
            figures(start + Duration::from_secs(1), 1.0, [1, 1], [0, 0]),
        );
        assert_eq!(Report::between(&before, now, Order::Lag).rates.publishes, None);
    }
}
