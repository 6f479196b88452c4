//! ONNX's messages, the fields used here, under the names and numbers of `onnx.proto`.

use prost::Message;

/// A model: a graph and the version of the operators in it.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// Version of the format.
    #[prost(int64, optional, tag = "1")]
    pub ir_version: Option<i64>,
    /// Program that wrote it.
    #[prost(string, optional, tag = "2")]
    pub producer_name: Option<String>,
    /// Its version.
    #[prost(string, optional, tag = "3")]
    pub producer_version: Option<String>,
    /// For people.
    #[prost(string, optional, tag = "6")]
    pub doc_string: Option<String>,
    /// The net.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    /// The sets of operators it uses.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    /// Whatever else there is to know.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

/// A set of operators by version; the standard's domain is empty.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// Whose.
    #[prost(string, optional, tag = "1")]
    pub domain: Option<String>,
    /// Which.
    #[prost(int64, optional, tag = "2")]
    pub version: Option<i64>,
}

/// A pair of texts.
#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    /// Name.
    #[prost(string, optional, tag = "1")]
    pub key: Option<String>,
    /// Content.
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

/// Nodes in the order in which they run, and the values that are there before.
#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    /// Operations.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    /// Name.
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
    /// Weights and other constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    /// What the caller gives.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<Value>,
    /// What the caller gets.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<Value>,
}

/// One operation on named values.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// Values it takes.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Values it makes.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// Name.
    #[prost(string, optional, tag = "3")]
    pub name: Option<String>,
    /// Operator.
    #[prost(string, optional, tag = "4")]
    pub op_type: Option<String>,
    /// What the operator's inputs leave open.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

/// An operator's option: an integer or several.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// Name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// The integer, of kind [`Attribute::INTEGER`].
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// The integers, of kind [`Attribute::INTEGERS`].
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which of the fields holds the value.
    #[prost(int32, optional, tag = "20")]
    pub r#type: Option<i32>,
}

impl Attribute {
    /// The kind of one integer.
    pub const INTEGER: i32 = 2;
    /// The kind of several integers.
    pub const INTEGERS: i32 = 7;
}

/// A constant.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Shape.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// [`Tensor::FLOAT`] or [`Tensor::INT64`].
    #[prost(int32, optional, tag = "2")]
    pub data_type: Option<i32>,
    /// Name.
    #[prost(string, optional, tag = "8")]
    pub name: Option<String>,
    /// Elements, little-endian, row-major.
    #[prost(bytes = "vec", optional, tag = "9")]
    pub raw_data: Option<Vec<u8>>,
}

impl Tensor {
    /// f32.
    pub const FLOAT: i32 = 1;
    /// i64.
    pub const INT64: i32 = 7;
}

/// A value at the graph's edge.
#[derive(Clone, PartialEq, Message)]
pub struct Value {
    /// Name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// Type and shape.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<Type>,
    /// For people.
    #[prost(string, optional, tag = "3")]
    pub doc_string: Option<String>,
}

/// A value's type: a tensor's.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    /// Element and shape.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorType>,
}

/// A tensor's type.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// As [`Tensor::data_type`].
    #[prost(int32, optional, tag = "1")]
    pub elem_type: Option<i32>,
    /// Its axes.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// A shape.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// Axes.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Axis>,
}

/// An axis: one of the two.
#[derive(Clone, PartialEq, Message)]
pub struct Axis {
    /// Its length, if it is fixed.
    #[prost(int64, optional, tag = "1")]
    pub dim_value: Option<i64>,
    /// Its name, if it is not.
    #[prost(string, optional, tag = "2")]
    pub dim_param: Option<String>,
}
