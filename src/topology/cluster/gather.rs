//! The answers of several nodes as one, such as one server would have given that had all of the keys.

use crate::command::{ConversionError, Facts, ResponsePolicy};
use crate::resp::{Frame, Items, Joined, Reply, TooLarge, Value, View};

/// What one node answered to its part of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) reply: Reply<'a>,
    /// The places of the part's keys among those of the whole command; empty where all nodes got the same.
    pub(crate) places: &'a [usize],
}

/// Joins the answers to the parts of a command that had `keys` keys in all.
///
/// Errors are no answers: whoever has one does not come here with it. But for commands of which one success is enough
/// ([`needs_one`]): if all are errors, the answer is the one that says most.
///
/// # Errors
/// If an answer has not the shape that answers to this command have.
pub(crate) fn gather(facts: &Facts, answers: &[Answer<'_>], keys: usize) -> Result<Frame, ConversionError> {
    match facts.response_policy() {
        None if facts.keys().is_empty() => one_after_the_other(answers),
        None => by_places(answers, keys),
        Some(ResponsePolicy::AllSucceeded) => first(answers.first()),
        Some(ResponsePolicy::OneSucceeded) => {
            first(answers.iter().find(|answer| !answer.reply.is_error()).or(most_telling(answers)))
        }
        Some(ResponsePolicy::AggLogicalAnd) => all_true(answers),
        Some(ResponsePolicy::AggMin) => folded(answers, i64::min),
        Some(ResponsePolicy::AggSum) => folded(answers, i64::saturating_add),
        Some(ResponsePolicy::Special) => {
            first(answers.iter().find(|answer| !answer.reply.is_null()).or(answers.first()))
        }
    }
}

/// Whether it is enough that one node answers something else than an error.
pub(crate) fn needs_one(facts: &Facts) -> bool {
    facts.response_policy() == Some(ResponsePolicy::OneSucceeded)
}

fn first(answer: Option<&Answer<'_>>) -> Result<Frame, ConversionError> {
    let answer = answer.ok_or_else(|| ConversionError::new("an answer", "none"))?;
    Ok(Frame::from_value(&answer.reply.to_value()?))
}

/// That nothing was running says less than anything else.
fn most_telling<'s, 'a>(answers: &'s [Answer<'a>]) -> Option<&'s Answer<'a>> {
    let says_little = |answer: &&Answer<'_>| answer.reply.bytes().is_some_and(|line| line.starts_with(b"NOTBUSY"));
    answers.iter().find(|answer| !says_little(answer)).or(answers.first())
}

fn folded(answers: &[Answer<'_>], fold: fn(i64, i64) -> i64) -> Result<Frame, ConversionError> {
    let mut numbers = answers.iter().map(|answer| integer(answer.reply));
    let begin = numbers.next().unwrap_or_else(|| Err(ConversionError::new("an integer", "no answer")))?;
    let number = numbers.try_fold(begin, |so_far, number| number.map(|number| fold(so_far, number)))?;
    Ok(Frame::from_value(&Value::Integer(number)))
}

/// Whether all say 1; of lists of the same length, place by place.
fn all_true(answers: &[Answer<'_>]) -> Result<Frame, ConversionError> {
    let lists = answers.iter().map(|answer| match answer.reply.view()? {
        View::Array(items) => items.map(integer).collect(),
        _ => integer(answer.reply).map(|number| vec![number]),
    });
    let is_list = answers.first().is_some_and(|answer| matches!(answer.reply.view(), Ok(View::Array(_))));
    let mut all: Option<Vec<i64>> = None;
    for list in lists {
        let list: Vec<i64> = list?;
        match &mut all {
            None => all = Some(list.iter().map(|number| i64::from(*number == 1)).collect()),
            Some(all) if all.len() == list.len() => {
                all.iter_mut().zip(list).for_each(|(all, number)| *all = i64::from(*all == 1 && number == 1));
            }
            Some(all) => return Err(not_so_many(all.len(), list.len())),
        }
    }
    let all: Vec<Value> = all.unwrap_or_default().into_iter().map(Value::Integer).collect();
    match (is_list, all.first()) {
        (false, Some(only)) => Ok(Frame::from_value(only)),
        _ => Ok(Frame::from_value(&Value::Array(all))),
    }
}

/// One list of all elements, those of the first answer first.
fn one_after_the_other(answers: &[Answer<'_>]) -> Result<Frame, ConversionError> {
    let mut joined = Joined::array();
    for answer in answers {
        for item in items(answer.reply)? {
            joined.push(item).map_err(too_large)?;
        }
    }
    joined.finish().map_err(too_large)
}

/// One list with an element for each key, in their order.
fn by_places(answers: &[Answer<'_>], keys: usize) -> Result<Frame, ConversionError> {
    let mut found: Vec<Option<Reply<'_>>> = vec![None; keys];
    for answer in answers {
        let items = items(answer.reply)?;
        if items.len() != answer.places.len() {
            return Err(not_so_many(answer.places.len(), items.len()));
        }
        for (place, item) in answer.places.iter().zip(items) {
            if let Some(found) = found.get_mut(*place) {
                *found = Some(item);
            }
        }
    }
    let mut joined = Joined::array();
    for item in found {
        let item = item.ok_or_else(|| not_so_many(keys, answers.iter().map(|answer| answer.places.len()).sum()))?;
        joined.push(item).map_err(too_large)?;
    }
    joined.finish().map_err(too_large)
}

fn items(reply: Reply<'_>) -> Result<Items<'_>, ConversionError> {
    match reply.view()? {
        View::Array(items) | View::Set(items) => Ok(items),
        _ => Err(ConversionError::unexpected("an array", reply)),
    }
}

fn integer(reply: Reply<'_>) -> Result<i64, ConversionError> {
    match reply.view()? {
        View::Integer(number) => Ok(number),
        _ => Err(ConversionError::unexpected("an integer", reply)),
    }
}

fn not_so_many(expected: usize, found: usize) -> ConversionError {
    ConversionError::new("an element for each of them", format!("{found} for {expected}"))
}

fn too_large(_: TooLarge) -> ConversionError {
    ConversionError::new("less than 4 GiB together", "more")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    fn gathered(line: &str, answers: &[(Value, &[usize])]) -> Result<Value, ConversionError> {
        let frames: Vec<Frame> = answers.iter().map(|(value, _)| Frame::from_value(value)).collect();
        let answers: Vec<_> =
            frames.iter().zip(answers).map(|(frame, (_, places))| Answer { reply: frame.reply(), places }).collect();
        let keys = answers.iter().map(|answer| answer.places.len()).sum();
        let frame = gather(Command::new(line).resolved(), &answers, keys)?;
        assert_eq!(frame.has_error(), frame.reply().is_error());
        Ok(frame.reply().to_value().unwrap())
    }

    /// What all nodes answered to the same command.
    fn of_all(line: &str, answers: impl IntoIterator<Item = Value>) -> Result<Value, ConversionError> {
        let answers: Vec<_> = answers.into_iter().map(|value| (value, &[][..])).collect();
        gathered(line, &answers)
    }

    fn numbers(numbers: &[i64]) -> Vec<Value> {
        numbers.iter().copied().map(Value::Integer).collect()
    }

    fn texts(texts: &[&str]) -> Value {
        Value::Array(texts.iter().map(|text| Value::from(*text)).collect())
    }

    #[test]
    fn elements_come_in_the_order_of_the_keys() {
        let missing = Value::Array(vec!["c".into(), Value::null()]);
        let answers = [(texts(&["b", "d"]), &[1, 3][..]), (missing, &[2, 4]), (texts(&["a"]), &[0])];
        let expected = Value::Array(vec!["a".into(), "b".into(), "c".into(), "d".into(), Value::null()]);
        assert_eq!(gathered("MGET", &answers), Ok(expected.clone()));
        assert_eq!(gathered("JSON.MGET", &answers), Ok(expected));
    }

    #[test]
    fn an_answer_that_has_not_an_element_for_each_key_is_an_error_and_no_shift() {
        assert!(gathered("MGET", &[(texts(&["b"]), &[1]), (texts(&["a", "x"]), &[0])]).is_err());
        assert!(gathered("MGET", &[(texts(&[]), &[1]), (texts(&["a"]), &[0])]).is_err());
        assert!(gathered("MGET", &[(Value::Integer(1), &[1]), (texts(&["a"]), &[0])]).is_err());
        // Places that leave one out, as no split makes them.
        assert!(gathered("MGET", &[(texts(&["a"]), &[0]), (texts(&["b"]), &[0])]).is_err());
    }

    #[test]
    fn counts_are_added_up() {
        for line in ["DEL", "UNLINK", "EXISTS", "TOUCH", "DBSIZE", "SLOWLOG LEN", "LATENCY RESET"] {
            assert_eq!(of_all(line, numbers(&[3, 0, 4])), Ok(Value::Integer(7)), "{line}");
        }
        assert_eq!(of_all("DBSIZE", numbers(&[i64::MAX, 1])), Ok(Value::Integer(i64::MAX)));
        assert!(of_all("DBSIZE", [Value::Integer(1), "2".into()]).is_err());
        assert!(of_all("DBSIZE", []).is_err());
    }

    #[test]
    fn a_success_of_all_is_the_answer_of_the_first() {
        let ok = Value::simple("OK");
        assert_eq!(of_all("MSET", [ok.clone(), ok.clone()]), Ok(ok));
        assert_eq!(of_all("SCRIPT LOAD", ["sha".into(), "sha".into()]), Ok("sha".into()));
        assert_eq!(of_all("MSETEX", numbers(&[1, 1])), Ok(Value::Integer(1)));
    }

    #[test]
    fn a_script_is_known_if_every_node_knows_it() {
        let answers = [numbers(&[1, 0, 1]), numbers(&[1, 1, 0])].map(Value::Array);
        assert_eq!(of_all("SCRIPT EXISTS", answers), Ok(Value::Array(numbers(&[1, 0, 0]))));
        assert_eq!(of_all("SCRIPT EXISTS", [Value::Array(numbers(&[1]))]), Ok(Value::Array(numbers(&[1]))));
        assert_eq!(of_all("SCRIPT EXISTS", numbers(&[1, 0])), Ok(Value::Integer(0)), "single ones");
        assert!(of_all("SCRIPT EXISTS", [numbers(&[1]), numbers(&[1, 1])].map(Value::Array)).is_err());
    }

    #[test]
    fn lists_of_all_nodes_come_one_after_the_other() {
        assert_eq!(of_all("KEYS", [texts(&["a", "b"]), texts(&[]), texts(&["c"])]), Ok(texts(&["a", "b", "c"])));
        let entry = |id| Value::Array(vec![Value::Integer(id), texts(&["GET", "k"])]);
        let answers = [Value::Array(vec![entry(1)]), Value::Array(vec![entry(2), entry(3)])];
        assert_eq!(of_all("SLOWLOG GET", answers), Ok(Value::Array(vec![entry(1), entry(2), entry(3)])));
        assert!(of_all("KEYS", [texts(&["a"]), Value::Integer(1)]).is_err());
    }

    #[test]
    fn where_one_success_is_enough_errors_count_only_if_there_is_none() {
        let idle = Value::error("NOTBUSY No scripts in execution right now.");
        let busy = Value::error("UNKILLABLE Sorry the script already executed write commands");
        let killed = Value::simple("OK");
        for line in ["SCRIPT KILL", "FUNCTION KILL"] {
            assert!(needs_one(Command::new(line).resolved()));
            assert_eq!(of_all(line, [idle.clone(), busy.clone(), killed.clone()]), Ok(killed.clone()));
            assert_eq!(of_all(line, [idle.clone(), busy.clone()]), Ok(busy.clone()));
            assert_eq!(of_all(line, [idle.clone(), idle.clone()]), Ok(idle.clone()));
        }
        assert!(!needs_one(Command::new("FLUSHALL").resolved()));
    }

    #[test]
    fn a_random_key_is_null_only_if_nobody_has_one() {
        assert_eq!(of_all("RANDOMKEY", [Value::null(), "k".into(), "l".into()]), Ok("k".into()));
        assert_eq!(of_all("RANDOMKEY", [Value::null(), Value::null()]), Ok(Value::null()));
    }

    #[test]
    fn every_command_that_goes_to_several_nodes_has_a_way_to_one_answer() {
        use crate::command::RequestPolicy;

        for facts in Facts::all().iter().filter(|facts| facts.request_policy() == Some(RequestPolicy::MultiShard)) {
            let answers = match facts.response_policy() {
                None => [(texts(&["b"]), &[1][..]), (texts(&["a"]), &[0])],
                _ => [(Value::Integer(1), &[1][..]), (Value::Integer(1), &[0])],
            };
            assert!(gathered(facts.name(), &answers).is_ok(), "{}", facts.name());
        }
    }
}
