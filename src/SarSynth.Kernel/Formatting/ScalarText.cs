// Values of which nothing is gained by showing their members, as text in the
// invariant culture; and types as C# writes them.
using System.Globalization;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace SarSynth.Kernel.Formatting;

/// <summary>Scalars and names of types as text.</summary>
internal static class ScalarText
{
    /// <summary>Whether nothing is gained by showing the members of such values.</summary>
    internal static bool IsScalar(Type type) =>
        type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal) || type == typeof(DateTime)
        || type == typeof(DateTimeOffset) || type == typeof(DateOnly) || type == typeof(TimeOnly)
        || type == typeof(TimeSpan)
        || type == typeof(Guid) || type == typeof(Uri) || type == typeof(Version) || type == typeof(BigInteger)
        || type == typeof(Complex) || type == typeof(Half) || type == typeof(Int128) || type == typeof(UInt128)
        || type == typeof(Index) || type == typeof(Range) || type == typeof(System.Text.StringBuilder)
        || typeof(MemberInfo).IsAssignableFrom(type) || typeof(Assembly).IsAssignableFrom(type)
        || typeof(Delegate).IsAssignableFrom(type) || typeof(FileSystemInfo).IsAssignableFrom(type);

    /// <summary>
    /// The value as C# prints it in the invariant culture; a ToString that throws is told of, not thrown.
    /// </summary>
    internal static string Of(object value)
    {
        try
        {
            return value switch
            {
                bool b => b ? "True" : "False",
                Type type => TypeName(type),
                IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
                _ => value.ToString() ?? "",
            };
        }
        catch (Exception e) when (e is not ThreadInterruptedException)
        {
            return $"({e.GetType().Name}: {e.Message})";
        }
    }

    /// <summary>A type's name as one writes it in C#: List&lt;int&gt;, not List`1.</summary>
    internal static string TypeName(Type type)
    {
        if (type.IsArray)
            return $"{TypeName(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return TypeName(inner) + "?";
        if (typeof(ITuple).IsAssignableFrom(type) && type.IsValueType && type.IsGenericType)
            return $"({string.Join(", ", type.GetGenericArguments().Select(TypeName))})";
        if (type.Name.StartsWith("<>f__AnonymousType", StringComparison.Ordinal))
            return "anonymous";
        var keyword = Type.GetTypeCode(type) switch
        {
            _ when type.IsEnum => null,
            TypeCode.Boolean => "bool", TypeCode.Byte => "byte", TypeCode.SByte => "sbyte", TypeCode.Int16 => "short",
            TypeCode.UInt16 => "ushort", TypeCode.Int32 => "int", TypeCode.UInt32 => "uint", TypeCode.Int64 => "long",
            TypeCode.UInt64 => "ulong", TypeCode.Single => "float", TypeCode.Double => "double",
            TypeCode.Decimal => "decimal",
            TypeCode.Char => "char", TypeCode.String => "string",
            _ => type == typeof(object) ? "object" : type == typeof(void) ? "void" : null,
        };
        if (keyword is not null)
            return keyword;
        var name = type.Name;
        var tick = name.IndexOf('`');
        return tick < 0 ? name : $"{name[..tick]}<{string.Join(", ", type.GetGenericArguments().Select(TypeName))}>";
    }
}
