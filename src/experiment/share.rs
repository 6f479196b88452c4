//! Shares: the runs of an experiment dealt to several processes, which need not know of each other.
//!
//! ```
//! use gpu_train::experiment::share::Share;
//!
//! let share: Share = "2/8".parse()?;
//! assert_eq!((share.index(), share.count()), (2, 8));
//! assert!("8/8".parse::<Share>().is_err());
//! # Ok::<(), String>(())
//! ```

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use super::run::Job;

/// Share INDEX of COUNT of an experiment's runs. The shares of a COUNT are disjoint, and all of them are all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    index: usize,
    count: usize,
}

/// The part of an experiment's runs that a process does, where they are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of them.
    All,
    /// A share of them.
    Share(Share),
    /// None: what is there is collected.
    Nothing,
}

impl Share {
    /// Its number, from 0.
    pub fn index(self) -> usize {
        self.index
    }

    /// Number of shares.
    pub fn count(self) -> usize {
        self.count
    }

    /// Places of the jobs of this share among jobs of this much work, the longest first.
    ///
    /// From the longest on, each job is dealt to the share with the least work by then, the first of equal ones: they end
    /// at about the same time. A share needs nothing but the list of all jobs to know its own.
    fn places(self, work: &[u64]) -> Vec<usize> {
        let mut longest_first: Vec<usize> = (0..work.len()).collect();
        longest_first.sort_by_key(|&place| Reverse(work[place]));
        let mut shares = vec![0_u64; self.count];
        longest_first.retain(|&place| {
            let next = (0..self.count).min_by_key(|&share| shares[share]);
            let next = next.expect("a share at least");
            // A job of no work counts, or one share would get all of them.
            shares[next] = shares[next].saturating_add(work[place].max(1));
            next == self.index
        });
        longest_first
    }

    /// Its part of these jobs, the longest first.
    pub fn of(self, jobs: &[Job]) -> Vec<Job> {
        let work: Vec<u64> = jobs.iter().map(Job::work).collect();
        let own = self.places(&work).into_iter();
        own.map(|place| jobs[place].clone()).collect()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let number = |text: &str| text.parse::<u16>().ok().map(usize::from);
        let numbers = numbers.and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match numbers {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err(format!(
                "found {text:?}, expected INDEX/COUNT with INDEX below COUNT, such as 0/4"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(work: &[u64], count: usize) -> Vec<Vec<usize>> {
        let share = |index| Share { index, count }.places(work);
        (0..count).map(share).collect()
    }

    #[test]
    fn the_longest_are_dealt_first_each_to_the_share_with_the_least_work() {
        assert_eq!(
            dealt(&[1, 9, 4, 4, 3, 0], 3),
            [vec![1], vec![2, 4], vec![3, 0, 5]]
        );
        assert_eq!(dealt(&[5, 5], 3), [vec![0], vec![1], vec![]]);
        assert_eq!(dealt(&[1, 2], 1), [[1, 0]]);
    }

    #[test]
    fn shares_are_disjoint_and_leave_nothing_out() {
        let work: Vec<u64> = (0..101).map(|job| job * 7 % 13).collect();
        for count in [1, 2, 5, 200] {
            let mut all = dealt(&work, count).concat();
            all.sort_unstable();
            assert_eq!(all, (0..101).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_share_is_read_as_it_is_written() {
        for text in ["0/1", "3/4"] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), text);
        }
        for text in [
            "", "1", "1/", "/2", "2/2", "0/0", "-1/2", "1/2/3", "a/b", "0/70000",
        ] {
            let refused = text.parse::<Share>().unwrap_err();
            assert!(refused.contains("INDEX below COUNT"), "{refused}");
        }
    }
}
