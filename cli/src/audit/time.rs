//! Times of records, as people write them.

use std::fmt::Write as _;

const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

/// `2026-11-25T13:15:02.123456Z`, in the proleptic Gregorian calendar.
pub(crate) fn utc(time_us: u64) -> String {
    let (year, month, day) = date(time_us / DAY_US);
    let within = time_us % DAY_US;
    let (seconds, micros) = (within / 1_000_000, within % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T");
    // Writing to a String cannot fail.
    let _ = write!(text, "{hour:02}:{minute:02}:{second:02}.{micros:06}Z");
    text
}

/// Year, month and day of a day since 1970-01-01. Years are counted from March, so that the day that
/// some have more is their last.
fn date(day: u64) -> (u64, u64, u64) {
    const DAYS_FROM_YEAR_0: u64 = 719_468;
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let day = day + DAYS_FROM_YEAR_0;
    let (era, day) = (day / DAYS_OF_400_YEARS, day % DAYS_OF_400_YEARS);
    let leap_days = day / 1460 + day / 146_096 - day / 36_524;
    let year = (day - leap_days) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day + 2) / 153;
    let day = day - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (400 * era + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_709_164_800_000_000, "2024-02-29T00:00:00.000000Z"),
            (1_735_689_599_000_001, "2024-12-31T23:59:59.000001Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
        ];
        for (time_us, text) in cases {
            assert_eq!(utc(time_us), text);
        }
    }
}
