//! Single edits of a good history, each of which makes an answer wrong.

use clock_tests::history::{Answer, Line, ValueDigest, Version, What};

/// What is done to one answer about the versions of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Edit {
    /// A name is left out, and its version if it was the only one.
    DropName,
    /// A version that some other answer held is added.
    AddVersion,
    /// A name becomes one of a version that some other answer held.
    SwapName,
    /// A version is there twice.
    Double,
    /// A version has another value.
    OtherValue,
    /// Two versions are one.
    Merge,
    /// A version with two names is two.
    Split,
    /// The station claims that the writer had read one version more.
    WiderContext,
    /// The revision is off by one.
    Revision,
}

impl Edit {
    /// Every one.
    pub(crate) const ALL: [Self; 9] = [
        Self::DropName,
        Self::AddVersion,
        Self::SwapName,
        Self::Double,
        Self::OtherValue,
        Self::Merge,
        Self::Split,
        Self::WiderContext,
        Self::Revision,
    ];

    /// Edits one answer of the history; returns its line, or `None` if no answer can be edited so.
    pub(crate) fn apply(self, lines: &mut [Line], rng: &mut fastrand::Rng) -> Option<usize> {
        let answers: Vec<usize> = (0..lines.len()).filter(|at| versions(&lines[*at]).is_some()).collect();
        let others: Vec<Version> = lines.iter().filter_map(versions).flatten().cloned().collect();
        let first = rng.usize(..answers.len().max(1));
        let turned = answers.iter().cycle().skip(first).take(answers.len());
        turned.copied().find(|at| self.edit(&mut lines[*at], &others, rng))
    }

    fn edit(self, line: &mut Line, others: &[Version], rng: &mut fastrand::Rng) -> bool {
        let What::Ok { answer: Answer::Entry { versions, revision, .. }, .. } = &mut line.what else {
            return false;
        };
        let at = rng.usize(..versions.len());
        let names: Vec<_> = versions.iter().flat_map(|version| version.dots.clone()).collect();
        let stranger = others.iter().find(|other| !other.dots.iter().any(|dot| names.contains(dot))).cloned();
        match self {
            Self::DropName => {
                versions[at].dots.pop();
                versions.retain(|version| !version.dots.is_empty());
            }
            Self::AddVersion => match stranger {
                Some(stranger) => versions.push(stranger),
                None => return false,
            },
            Self::SwapName => match stranger {
                Some(stranger) => versions[at].dots[0] = stranger.dots[0].clone(),
                None => return false,
            },
            Self::Double => versions.push(versions[at].clone()),
            Self::OtherValue => versions[at].value = ValueDigest(77),
            Self::Merge => {
                if versions.len() < 2 {
                    return false;
                }
                let taken = versions.remove(at);
                versions[0].dots.extend(taken.dots);
            }
            Self::Split => {
                let Some(double) = versions.iter_mut().find(|version| version.dots.len() > 1) else {
                    return false;
                };
                let mut half = double.clone();
                half.dots = double.dots.split_off(1);
                versions.push(half);
            }
            Self::WiderContext => match stranger {
                Some(stranger) if !versions[at].context.contains(&stranger.dots[0]) => {
                    versions[at].context.push(stranger.dots[0].clone());
                }
                _ => return false,
            },
            Self::Revision => *revision += 1,
        }
        true
    }
}

fn versions(line: &Line) -> Option<&Vec<Version>> {
    match &line.what {
        What::Ok { answer: Answer::Entry { versions, .. }, .. } => Some(versions),
        _ => None,
    }
}
