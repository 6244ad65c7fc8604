// What a value is made of, for both formatters: scalars, sequences, dictionaries, objects with members.
using System.Collections;
using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Microsoft.DotNet.Interactive.Formatting;

/// <summary>Reads the shown members and items of any object without letting a throwing getter spoil the rest.</summary>
internal static class ObjectView
{
    private static readonly ConditionalWeakTable<Type, MemberInfo[]> Cache = [];

    internal static MemberInfo[] Members(Type type) => Cache.GetValue(type, static t =>
        t.GetMembers(BindingFlags.Instance | BindingFlags.Public)
            .Where(m => m is PropertyInfo { CanRead: true } p && p.GetIndexParameters().Length == 0 && p.GetMethod is { IsPublic: true }
                    && !p.PropertyType.IsByRef && !p.PropertyType.IsPointer && !p.PropertyType.IsByRefLike
                || m is FieldInfo { IsSpecialName: false } f && !f.FieldType.IsPointer)
            .Where(m => m.Name != "EqualityContract")
            .DistinctBy(m => m.Name)
            .ToArray());

    internal static object? Read(MemberInfo member, object target)
    {
        try
        {
            return member is PropertyInfo property ? property.GetValue(target) : ((FieldInfo)member).GetValue(target);
        }
        catch (Exception e) when (e is not ThreadInterruptedException)
        {
            var inner = e is TargetInvocationException { InnerException: { } cause } ? cause : e;
            return new Failure($"{inner.GetType().Name}: {inner.Message}");
        }
    }

    /// <summary>The first items of a sequence, and what is said of the rest (null where all are shown).</summary>
    internal static (List<object?> Items, string? More) Take(IEnumerable sequence, int limit)
    {
        var items = new List<object?>();
        foreach (var item in sequence)
        {
            if (items.Count == limit)
                return (items, sequence is ICollection all ? $"... ({all.Count - limit} more)"
                    : Count(sequence) is { } count ? $"... ({count - limit} more)" : "... (more)");
            items.Add(item);
        }
        return (items, null);
    }

    /// <summary>Whether nothing is gained by showing the value's members.</summary>
    internal static bool IsScalar(Type type) =>
        type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal) || type == typeof(DateTime)
        || type == typeof(DateTimeOffset) || type == typeof(DateOnly) || type == typeof(TimeOnly) || type == typeof(TimeSpan)
        || type == typeof(Guid) || type == typeof(Uri) || type == typeof(Version) || type == typeof(BigInteger) || type == typeof(Complex)
        || type == typeof(Half) || type == typeof(Int128) || type == typeof(UInt128) || type == typeof(System.Text.StringBuilder)
        || type == typeof(Failure) || typeof(Type).IsAssignableFrom(type) || typeof(MemberInfo).IsAssignableFrom(type)
        || typeof(Delegate).IsAssignableFrom(type) || typeof(Assembly).IsAssignableFrom(type) || type == typeof(Index) || type == typeof(Range)
        || typeof(FileSystemInfo).IsAssignableFrom(type) || typeof(System.Text.Json.Nodes.JsonNode).IsAssignableFrom(type);

    private static int? Count(IEnumerable sequence) =>
        sequence.GetType().GetInterfaces().FirstOrDefault(i => i.IsConstructedGenericType
            && (i.GetGenericTypeDefinition() == typeof(IReadOnlyCollection<>) || i.GetGenericTypeDefinition() == typeof(ICollection<>)))
            ?.GetProperty("Count")?.GetValue(sequence) as int?;

    /// <summary>A getter that threw.</summary>
    internal sealed record Failure(string Message)
    {
        public override string ToString() => $"({Message})";
    }

    /// <summary>A type's name as one writes it in C#: List&lt;int&gt;, not List`1.</summary>
    internal static string Name(Type type)
    {
        if (type.IsArray)
            return $"{Name(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Name(inner) + "?";
        if (typeof(ITuple).IsAssignableFrom(type) && type.IsValueType && type.IsGenericType)
            return $"({string.Join(", ", type.GetGenericArguments().Select(Name))})";
        if (type.Name.StartsWith("<>f__AnonymousType", StringComparison.Ordinal))
            return "anonymous";
        var keyword = Type.GetTypeCode(type) switch
        {
            _ when type.IsEnum => null,
            TypeCode.Boolean => "bool", TypeCode.Byte => "byte", TypeCode.SByte => "sbyte", TypeCode.Int16 => "short",
            TypeCode.UInt16 => "ushort", TypeCode.Int32 => "int", TypeCode.UInt32 => "uint", TypeCode.Int64 => "long",
            TypeCode.UInt64 => "ulong", TypeCode.Single => "float", TypeCode.Double => "double", TypeCode.Decimal => "decimal",
            TypeCode.Char => "char", TypeCode.String => "string",
            _ => type == typeof(object) ? "object" : type == typeof(void) ? "void" : null,
        };
        if (keyword is not null)
            return keyword;
        var name = type.Name;
        var tick = name.IndexOf('`');
        if (tick < 0)
            return name;
        return $"{name[..tick]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>";
    }
}
