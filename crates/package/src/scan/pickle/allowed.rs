//! What a pickle may import, and what it may do with it: what tensors, arrays and plain values need.
//! Everything else is refused.

use super::machine::Machine;
use super::value::Value;

/// What may be done with a global.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    /// Which arguments it may be called with; nothing: it may only be mentioned.
    pub(super) call: Option<fn(&Machine<'_, '_>, &[Value]) -> bool>,
    /// What may be done to what the call gives.
    pub(super) product: Product,
}

/// What may be done to an object.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Product {
    /// Nothing.
    Closed,
    /// Its state may be set.
    State,
    /// Items may be set, and its state.
    Mapping,
    /// Items may be appended.
    Sequence,
    /// It is a type of array elements.
    Dtype,
}

/// What may be done with a global; nothing for one that is not on the list.
pub(super) fn allowed(module: &str, name: &str) -> Option<Allowed> {
    let (call, product) = match module {
        "builtins" | "__builtin__" => builtin(name)?,
        "collections" => collection(name)?,
        "_codecs" if name == "encode" => call(latin, Product::Closed),
        "datetime" if ["date", "time", "datetime", "timedelta", "timezone"].contains(&name) => {
            call(any, Product::Closed)
        }
        "decimal" if name == "Decimal" => call(any, Product::Closed),
        "uuid" if name == "UUID" => call(any, Product::State),
        "torch" => torch(name)?,
        "torch._utils" if REBUILD.contains(&name) => call(any, Product::Closed),
        "torch._tensor" if name == "_rebuild_from_type_v2" => call(typed, Product::Closed),
        "torch.nn.parameter" if name == "Parameter" => MENTION,
        "torch.serialization" if name == "_get_layout" => call(text, Product::Closed),
        "torch.storage"
            if ["TypedStorage", "UntypedStorage", "_TypedStorage", "_UntypedStorage"].contains(&name) =>
        {
            MENTION
        }
        "numpy" => numpy(name)?,
        "numpy.core.multiarray" | "numpy._core.multiarray" => match name {
            "_reconstruct" => call(array, Product::State),
            "scalar" => call(scalar, Product::Closed),
            _ => return None,
        },
        "numpy.core.numeric" | "numpy._core.numeric" if name == "_frombuffer" => call(buffer, Product::State),
        "numpy.dtypes" if name.ends_with("DType") && !name.starts_with("Object") => MENTION,
        "joblib.numpy_pickle" if name == "NumpyArrayWrapper" => call(none, Product::State),
        _ => return None,
    };
    Some(Allowed { call, product })
}

type Use = (Option<fn(&Machine<'_, '_>, &[Value]) -> bool>, Product);

const MENTION: Use = (None, Product::Closed);

const fn call(arguments: fn(&Machine<'_, '_>, &[Value]) -> bool, product: Product) -> Use {
    (Some(arguments), product)
}

fn builtin(name: &str) -> Option<Use> {
    Some(match name {
        // A number as an argument would be a size, and an object could be endless.
        "list" => call(contained, Product::Sequence),
        "dict" => call(contained, Product::Mapping),
        "set" | "frozenset" | "tuple" | "bytes" | "bytearray" => call(contained, Product::Closed),
        "int" | "float" | "bool" | "complex" => call(any, Product::Closed),
        "str" => MENTION,
        _ => return None,
    })
}

fn collection(name: &str) -> Option<Use> {
    Some(match name {
        "OrderedDict" | "Counter" => call(contained, Product::Mapping),
        "defaultdict" => call(factory, Product::Mapping),
        "deque" => call(any, Product::Sequence),
        _ => return None,
    })
}

fn torch(name: &str) -> Option<Use> {
    if DTYPES.contains(&name) || name.strip_suffix("Storage").is_some_and(|kind| KINDS.contains(&kind)) {
        return Some(MENTION);
    }
    Some(match name {
        "Size" => call(contained, Product::Closed),
        "device" => call(any, Product::Closed),
        "Tensor" => MENTION,
        _ => return None,
    })
}

fn numpy(name: &str) -> Option<Use> {
    Some(match name {
        "dtype" => call(any, Product::Dtype),
        "ndarray" => MENTION,
        _ if SCALARS.contains(&name) => MENTION,
        _ => return None,
    })
}

fn any(_: &Machine<'_, '_>, _: &[Value]) -> bool {
    true
}

fn none(_: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    arguments.is_empty()
}

fn text(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    matches!(arguments, [name] if machine.pool.text_of(*name).is_some())
}

/// Nothing, or one thing that the stream itself contains.
fn contained(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    match arguments {
        [] => true,
        [Value::Object(origin)] => {
            machine.product(*origin) == Product::Sequence
                || machine.pool.global_of(*origin) == ("_codecs", "encode")
        }
        [one] => matches!(one, Value::Tuple(_) | Value::List(_) | Value::Dict(_) | Value::Set | Value::Bytes),
        // `bytearray('…', 'latin-1')`, which protocol 2 writes.
        [Value::Text(_) | Value::LongText, encoding] => is_latin(machine, *encoding),
        _ => false,
    }
}

fn latin(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    match arguments {
        [Value::Text(_) | Value::LongText, encoding] => is_latin(machine, *encoding),
        _ => false,
    }
}

fn is_latin(machine: &Machine<'_, '_>, encoding: Value) -> bool {
    machine.pool.text_of(encoding).is_some_and(|name| matches!(name, "latin1" | "latin-1"))
}

/// What makes a value that is missing: a type on the list, or nothing.
fn factory(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    match arguments {
        [] | [Value::Plain] => true,
        [Value::Global(place)] => {
            let (module, name) = machine.pool.global_of(*place);
            matches!(module, "builtins" | "__builtin__" | "collections") && allowed(module, name).is_some()
        }
        _ => false,
    }
}

/// A tensor of a type of tensors, made by a function that makes tensors.
fn typed(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    let [Value::Global(function), Value::Global(class), Value::Tuple(_), ..] = arguments else {
        return false;
    };
    let (module, name) = machine.pool.global_of(*function);
    let class = machine.pool.global_of(*class);
    module == "torch._utils"
        && REBUILD.contains(&name)
        && matches!(class, ("torch", "Tensor") | ("torch.nn.parameter", "Parameter"))
}

/// An empty array, whose state follows.
fn array(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    let [Value::Global(class), shape, Value::Bytes | Value::Text(_) | Value::Object(_)] = arguments else {
        return false;
    };
    let empty = machine.pool.items_of(*shape).is_some_and(|shape| *shape == [Value::Int(0)]);
    machine.pool.global_of(*class) == ("numpy", "ndarray") && empty
}

/// A number of a type that is no object: of an object, its bytes would be unpickled.
fn scalar(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    let [dtype, Value::Bytes | Value::Object(_) | Value::Text(_)] = arguments else { return false };
    machine.pool.dtype_of(*dtype).is_some_and(|dtype| !dtype.objects)
}

fn buffer(machine: &Machine<'_, '_>, arguments: &[Value]) -> bool {
    let [Value::Bytes | Value::Object(_), dtype, Value::Tuple(_), order] = arguments else { return false };
    machine.pool.dtype_of(*dtype).is_some_and(|dtype| !dtype.objects)
        && machine.pool.text_of(*order).is_some_and(|order| matches!(order, "C" | "F"))
}

/// Bytes of an element of a storage of that type; nothing for what is none.
pub(super) fn element_bytes(module: &str, name: &str) -> Option<u64> {
    let kind = match module {
        "torch" => name.strip_suffix("Storage")?,
        "torch.storage" if matches!(name, "UntypedStorage" | "_UntypedStorage") => "Byte",
        _ => return None,
    };
    Some(match kind {
        "ComplexDouble" => 16,
        "Double" | "Long" | "ComplexFloat" => 8,
        "Float" | "Int" | "QInt32" => 4,
        "Half" | "BFloat16" | "Short" => 2,
        "Char" | "Byte" | "Bool" | "QInt8" | "QUInt8" | "Untyped" | "QUInt4x2" | "QUInt2x4" => 1,
        _ => return None,
    })
}

const REBUILD: &[&str] = &[
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_sparse_csr_tensor",
    "_rebuild_nested_tensor",
    "_rebuild_meta_tensor_no_storage",
    "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor",
];

const KINDS: &[&str] = &[
    "Double",
    "Float",
    "Half",
    "BFloat16",
    "Long",
    "Int",
    "Short",
    "Char",
    "Byte",
    "Bool",
    "ComplexDouble",
    "ComplexFloat",
    "QInt8",
    "QUInt8",
    "QInt32",
    "QUInt4x2",
    "QUInt2x4",
    "Untyped",
];

const DTYPES: &[&str] = &[
    "float64",
    "double",
    "float32",
    "float",
    "float16",
    "half",
    "bfloat16",
    "complex32",
    "chalf",
    "complex64",
    "cfloat",
    "complex128",
    "cdouble",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "short",
    "int32",
    "int",
    "int64",
    "long",
    "bool",
    "quint8",
    "qint8",
    "qint32",
    "quint4x2",
    "quint2x4",
    "bits1x8",
    "bits2x4",
    "bits4x2",
    "bits8",
    "bits16",
    "float8_e4m3fn",
    "float8_e5m2",
    "float8_e4m3fnuz",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float4_e2m1fn_x2",
    "strided",
    "sparse_coo",
    "sparse_csr",
    "sparse_csc",
    "sparse_bsr",
    "sparse_bsc",
    "jagged",
    "per_tensor_affine",
    "per_channel_affine",
    "per_tensor_symmetric",
    "per_channel_symmetric",
    "per_channel_affine_float_qparams",
    "contiguous_format",
    "channels_last",
    "preserve_format",
    "channels_last_3d",
];

const SCALARS: &[&str] = &[
    "bool_",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "longdouble",
    "str_",
    "bytes_",
    "datetime64",
    "timedelta64",
];
