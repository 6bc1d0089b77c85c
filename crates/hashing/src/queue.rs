//! A queue that is fair between client networks.
//!
//! Networks take turns, each with its oldest item first. When the queue is full, a network that has much less in it takes
//! the place of the newest item of the network that has most: a flood from one address costs that address its place, and
//! nobody else.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use vestibule_core::values::client::ClientNetwork;

/// Names an item in the queue; later items have larger ones.
pub(crate) type ItemId = u64;

/// Items waiting for a thread. Every operation takes logarithmic time at most: it is done under a lock.
pub(crate) struct FairQueue<T> {
    waiting: HashMap<ClientNetwork, Waiting<T>>,
    /// Whose turn it is next; the key grows with every turn given.
    turns: BTreeMap<u64, ClientNetwork>,
    /// Who has how many items waiting.
    lengths: BTreeSet<(usize, ClientNetwork)>,
    length: usize,
    next_turn: u64,
    next_item: ItemId,
}

struct Waiting<T> {
    turn: u64,
    items: VecDeque<(ItemId, T)>,
}

/// What became of an item that wanted to join the queue.
pub(crate) enum Joined<T> {
    /// It waits.
    Waits(ItemId),
    /// It waits in the place of another, which no longer does.
    Displaced(ItemId, T),
    /// There is no room; here it is back.
    Full(T),
}

impl<T> FairQueue<T> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: HashMap::new(),
            turns: BTreeMap::new(),
            lengths: BTreeSet::new(),
            length: 0,
            next_turn: 0,
            next_item: 0,
        }
    }

    /// The number of waiting items.
    pub(crate) const fn len(&self) -> usize {
        self.length
    }

    /// Lets an item of `network` wait if fewer than `room` do, or in another's place.
    pub(crate) fn join(&mut self, network: ClientNetwork, item: T, room: usize) -> Joined<T> {
        if self.length < room {
            return Joined::Waits(self.push(network, item));
        }
        let own = self.waiting.get(&network).map_or(0, |waiting| waiting.items.len());
        match self.lengths.last() {
            // Two fewer, not one: otherwise two networks would displace each other without end.
            Some(&(most, longest)) if own + 2 <= most => match self.take(longest, VecDeque::pop_back) {
                Some(displaced) => Joined::Displaced(self.push(network, item), displaced),
                None => Joined::Full(item),
            },
            _ => Joined::Full(item),
        }
    }

    /// Takes the oldest item of the network whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let (turn, network) = self.turns.pop_first()?;
        let next_turn = self.new_turn();
        if let Some(waiting) = self.waiting.get_mut(&network) {
            debug_assert_eq!(waiting.turn, turn, "a network has one turn");
            waiting.turn = next_turn;
            self.turns.insert(next_turn, network);
        }
        self.take(network, VecDeque::pop_front)
    }

    /// Takes out an item wherever it is, if it still waits.
    pub(crate) fn withdraw(&mut self, network: ClientNetwork, id: ItemId) -> Option<T> {
        self.take(network, |items| {
            let position = items.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            items.remove(position)
        })
    }

    /// Takes out everything.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.turns.clear();
        self.lengths.clear();
        self.length = 0;
        std::mem::take(&mut self.waiting)
            .into_values()
            .flat_map(|waiting| waiting.items)
            .map(|(_, item)| item)
    }

    fn push(&mut self, network: ClientNetwork, item: T) -> ItemId {
        let id = self.next_item;
        self.next_item += 1;
        self.length += 1;
        if let Some(waiting) = self.waiting.get_mut(&network) {
            self.lengths.remove(&(waiting.items.len(), network));
            waiting.items.push_back((id, item));
            self.lengths.insert((waiting.items.len(), network));
        } else {
            let turn = self.new_turn();
            self.turns.insert(turn, network);
            self.lengths.insert((1, network));
            self.waiting.insert(network, Waiting { turn, items: VecDeque::from([(id, item)]) });
        }
        id
    }

    /// Takes the item that `choose` takes out of a network's items; a network without items loses its turn.
    fn take(
        &mut self,
        network: ClientNetwork,
        choose: impl FnOnce(&mut VecDeque<(ItemId, T)>) -> Option<(ItemId, T)>,
    ) -> Option<T> {
        let waiting = self.waiting.get_mut(&network)?;
        let before = waiting.items.len();
        let (_, item) = choose(&mut waiting.items)?;
        let (after, turn) = (waiting.items.len(), waiting.turn);
        self.length -= 1;
        self.lengths.remove(&(before, network));
        if after == 0 {
            self.turns.remove(&turn);
            self.waiting.remove(&network);
        } else {
            self.lengths.insert((after, network));
        }
        Some(item)
    }

    const fn new_turn(&mut self) -> u64 {
        self.next_turn += 1;
        self.next_turn
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    const ROOMY: usize = 1000;

    fn network(name: char) -> ClientNetwork {
        ClientNetwork::of(IpAddr::V4(Ipv4Addr::from(u32::from(name))))
    }

    /// A queue in which every letter is an item of the network of that name, in this order.
    fn queue_of(letters: &str) -> FairQueue<String> {
        let mut queue = FairQueue::new();
        let mut counts = HashMap::new();
        for name in letters.chars() {
            let count = counts.entry(name).or_insert(0);
            *count += 1;
            queue.join(network(name), format!("{name}{count}"), ROOMY);
        }
        queue
    }

    fn in_order(queue: &mut FairQueue<String>) -> String {
        std::iter::from_fn(|| queue.pop()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn networks_take_turns() {
        for (joined, left) in [
            ("", ""),
            ("aaa", "a1 a2 a3"),
            ("aaaab", "a1 b1 a2 a3 a4"),
            ("aabbcc", "a1 b1 c1 a2 b2 c2"),
            ("aaabcbc", "a1 b1 c1 a2 b2 c2 a3"),
        ] {
            assert_eq!(in_order(&mut queue_of(joined)), left, "{joined}");
        }
    }

    #[test]
    fn a_newcomer_waits_for_one_round_not_for_the_whole_queue() {
        let mut queue = queue_of(&"a".repeat(500));
        assert_eq!(queue.pop().unwrap(), "a1");
        queue.join(network('b'), "b1".into(), ROOMY);
        assert_eq!([queue.pop().unwrap(), queue.pop().unwrap()], ["a2", "b1"]);
    }

    #[test]
    fn a_full_queue_makes_room_at_the_expense_of_the_longest() {
        let mut queue = queue_of("aaabb");
        let Joined::Displaced(_, displaced) = queue.join(network('c'), "c1".into(), 5) else {
            panic!("no room")
        };
        assert_eq!((displaced.as_str(), queue.len()), ("a3", 5));
        // a, a, b, b, c: nobody has two more than another newcomer of b would leave.
        assert!(matches!(queue.join(network('b'), "b3".into(), 5), Joined::Full(item) if item == "b3"));
        assert!(matches!(queue.join(network('a'), "a4".into(), 5), Joined::Full(_)));
        assert_eq!(in_order(&mut queue), "a1 b1 c1 a2 b2");
    }

    #[test]
    fn networks_with_as_much_do_not_displace_each_other() {
        let mut queue = queue_of("ab");
        assert!(matches!(queue.join(network('c'), "c1".into(), 2), Joined::Full(_)));
        let mut queue = queue_of("aab");
        assert!(matches!(queue.join(network('b'), "b2".into(), 3), Joined::Full(_)));
        assert!(
            matches!(queue.join(network('c'), "c1".into(), 3), Joined::Displaced(_, item) if item == "a2")
        );
    }

    #[test]
    fn what_is_withdrawn_leaves_at_once() {
        let mut queue = FairQueue::new();
        let ids: Vec<_> = (0..4)
            .map(|number| match queue.join(network('a'), number.to_string(), 4) {
                Joined::Waits(id) => id,
                _ => panic!("no room"),
            })
            .collect();
        assert!(matches!(queue.join(network('a'), "late".into(), 4), Joined::Full(_)));
        assert_eq!(queue.withdraw(network('a'), ids[1]).unwrap(), "1");
        assert_eq!(queue.withdraw(network('a'), ids[1]), None);
        assert_eq!(queue.withdraw(network('b'), ids[2]), None);
        assert!(matches!(queue.join(network('a'), "4".into(), 4), Joined::Waits(_)));
        assert_eq!(in_order(&mut queue), "0 2 3 4");
        assert_eq!(queue.withdraw(network('a'), ids[3]), None);
    }

    #[test]
    fn a_network_without_items_loses_its_turn() {
        let mut queue = queue_of("bc");
        let Joined::Waits(id) = queue.join(network('a'), "a1".into(), ROOMY) else { panic!("no room") };
        queue.withdraw(network('a'), id);
        assert_eq!(in_order(&mut queue), "b1 c1");
    }

    #[test]
    fn draining_leaves_an_empty_queue_that_works() {
        let mut queue = queue_of("aab");
        assert_eq!((queue.drain().count(), queue.len()), (3, 0));
        queue.join(network('a'), "again".into(), 1);
        assert_eq!(in_order(&mut queue), "again");
    }

    proptest! {
        #[test]
        fn the_books_balance(steps in prop::collection::vec((0_u8..4, 0_u8..5), 0..200), room in 1_usize..12) {
            let mut queue = FairQueue::new();
            let mut known: Vec<(ClientNetwork, ItemId)> = Vec::new();
            for (step, name) in steps {
                let network = network(char::from(b'a' + name));
                match step {
                    0 | 1 => match queue.join(network, (), room) {
                        Joined::Waits(id) | Joined::Displaced(id, ()) => known.push((network, id)),
                        Joined::Full(()) => prop_assert!(queue.len() >= room),
                    },
                    2 => {
                        let before = queue.len();
                        let taken = usize::from(queue.pop().is_some());
                        prop_assert_eq!(queue.len(), before - taken);
                        prop_assert_eq!(taken == 1, before > 0);
                    }
                    _ => {
                        let oldest = known.pop();
                        oldest.map(|(network, id)| queue.withdraw(network, id));
                    }
                }
                let counted: usize = queue.waiting.values().map(|waiting| waiting.items.len()).sum();
                prop_assert_eq!(counted, queue.len());
                prop_assert!(queue.len() <= room);
                prop_assert_eq!(queue.turns.len(), queue.waiting.len());
                prop_assert_eq!(queue.lengths.len(), queue.waiting.len());
                for (network, waiting) in &queue.waiting {
                    prop_assert_eq!(queue.turns.get(&waiting.turn), Some(network));
                    prop_assert!(queue.lengths.contains(&(waiting.items.len(), *network)));
                }
            }
        }
    }
}
