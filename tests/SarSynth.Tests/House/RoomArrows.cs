// Which types of which rooms a built library uses: from signatures, fields, attributes and the code of every method.
using System.Reflection;

namespace SarSynth.Tests.House;

/// <summary>A type of one room that uses a type of another.</summary>
internal sealed record RoomArrow(string FromRoom, string From, string ToRoom, string To)
{
    public override string ToString() => $"{FromRoom}: {From} uses {To} of {ToRoom}";
}

/// <summary>
/// Finds the arrows between the rooms of an assembly. Constants, which the compiler copies, are not seen.
/// </summary>
internal static class RoomArrows
{
    /// <summary>
    /// The room of a type: the first part of its namespace below that of the assembly; null outside of rooms.
    /// </summary>
    public static string? Room(Type type)
    {
        var root = type.Assembly.GetName().Name! + ".";
        return type.Namespace?.StartsWith(root, StringComparison.Ordinal) == true
            ? type.Namespace[root.Length..].Split('.')[0] : null;
    }

    public static IReadOnlyCollection<RoomArrow> Of(Assembly assembly)
    {
        var arrows = new HashSet<RoomArrow>();
        foreach (var type in assembly.GetTypes())
        {
            if (Room(type) is not { } room)
                continue;
            foreach (var used in Uses(type).SelectMany(Parts).Where(used => used.Assembly == assembly))
            {
                if (Room(used) is { } other && other != room)
                    arrows.Add(new RoomArrow(room, Outer(type).Name, other, Outer(used).Name));
            }
        }
        return arrows;
    }

    private static IEnumerable<Type> Uses(Type type)
    {
        if (type.BaseType is { } parent)
            yield return parent;
        foreach (var other in type.GetInterfaces().Concat(type.GetGenericArguments().Where(a => a.IsGenericParameter)
            .SelectMany(a => a.GetGenericParameterConstraints())))
            yield return other;
        foreach (var attribute in type.GetCustomAttributesData())
            yield return attribute.AttributeType;
        foreach (var field in type.GetFields(Instructions.Declared))
            yield return field.FieldType;
        foreach (var method in Instructions.Methods(type))
        {
            foreach (var used in Signature(method).Concat(Code(method)))
                yield return used;
        }
    }

    private static IEnumerable<Type> Signature(MethodBase method) =>
        method.GetParameters().Select(parameter => parameter.ParameterType)
            .Append((method as MethodInfo)?.ReturnType ?? typeof(void));

    private static IEnumerable<Type> Code(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
            return [];
        var used = body.LocalVariables.Select(local => local.LocalType)
            .Concat(body.ExceptionHandlingClauses.Where(c => c.Flags == ExceptionHandlingClauseOptions.Clause)
                .Select(c => c.CatchType!)).ToList();
        used.AddRange(Instructions.Members(method).SelectMany(Members));
        return used;
    }

    private static IEnumerable<Type> Members(MemberInfo member) => member switch
    {
        Type type => [type],
        FieldInfo field => [field.DeclaringType!, field.FieldType],
        MethodInfo method => [.. Signature(method), .. method.GetGenericArguments(), .. Owner(method)],
        ConstructorInfo constructor => [.. Signature(constructor), .. Owner(constructor)],
        _ => [],
    };

    private static Type[] Owner(MethodBase method) => method.DeclaringType is { } owner ? [owner] : [];

    // A type and all that it is made of: elements of arrays, arguments of generic types.
    private static IEnumerable<Type> Parts(Type type)
    {
        if (type.HasElementType)
            return Parts(type.GetElementType()!);
        return type.IsGenericType && !type.IsGenericTypeDefinition
            ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition())
            : [type];
    }

    private static Type Outer(Type type) => type.DeclaringType is { } outer ? Outer(outer) : type;
}
