//! Orders of rank 0, as bytes.

use bytemuck::{bytes_of, cast_slice};

use crate::engine::Split;
use crate::net::{PARAMETER_COUNT, Parameters};
use crate::world::World;

/// An order to all ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The run is over.
    End,
    /// The recipe of the orders that follow; its JSON of this many bytes comes next.
    Open(u32),
    /// The gradient of this step.
    Train(u32),
    /// Losses and misses of a split.
    Evaluate(Split),
    /// Multiply-adds of each rank in a second.
    Peak,
}

/// Bytes in front of the parameters.
const HEAD: usize = size_of::<[u32; 2]>();
/// Bytes of an order with its parameters; all are of one length, so that a receiver knows it.
const LENGTH: usize = HEAD + size_of::<[f32; PARAMETER_COUNT]>();

impl Order {
    /// Gives it to all ranks, with the parameters to compute at.
    pub fn give(self, world: &dyn World, parameters: Option<&Parameters>) {
        let mut bytes = vec![0; LENGTH];
        let head = match self {
            Self::End => [0, 0],
            Self::Open(length) => [1, length],
            Self::Train(step) => [2, step],
            Self::Evaluate(Split::Train) => [3, 0],
            Self::Evaluate(Split::Test) => [3, 1],
            Self::Peak => [4, 0],
        };
        bytes[..HEAD].copy_from_slice(bytes_of(&head));
        if let Some(parameters) = parameters {
            bytes[HEAD..].copy_from_slice(cast_slice(parameters.flat()));
        }
        world.broadcast(&mut bytes);
    }

    /// The next order of rank 0, with its parameters.
    ///
    /// # Panics
    /// If it is none: ranks of the same version give only orders.
    pub fn take(world: &dyn World) -> (Self, Parameters) {
        let mut bytes = vec![0; LENGTH];
        world.broadcast(&mut bytes);
        let (head, parameters) = bytes.split_at(HEAD);
        let order = match bytemuck::pod_read_unaligned::<[u32; 2]>(head) {
            [0, _] => Self::End,
            [1, length] => Self::Open(length),
            [2, step] => Self::Train(step),
            [3, 0] => Self::Evaluate(Split::Train),
            [3, _] => Self::Evaluate(Split::Test),
            [4, _] => Self::Peak,
            other => panic!("no order: {other:?}"),
        };
        let parameters = bytemuck::pod_collect_to_vec(parameters);
        (order, Parameters::from_flat(parameters))
    }
}
