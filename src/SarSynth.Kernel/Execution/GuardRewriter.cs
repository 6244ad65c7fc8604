// Puts Guard's checks into a cell without moving anything to another line.
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using static Microsoft.CodeAnalysis.CSharp.SyntaxFactory;

namespace SarSynth.Kernel.Execution;

/// <summary>Rewrites loops, statement lambdas and catch-alls so that an interrupt ends them.</summary>
internal sealed class GuardRewriter(bool lambdas) : CSharpSyntaxRewriter
{
    private const string Name = "global::SarSynth.Kernel.Execution.Guard";
    private static readonly StatementSyntax Check = ParseStatement($"{Name}.Check();");
    private static readonly ExpressionSyntax PassMethod = ParseExpression($"{Name}.Pass");
    private static readonly ExpressionSyntax GoesOn = ParseExpression($"{Name}.GoesOn");

    /// <summary>The tree with checks; the same tree where none are needed.</summary>
    /// <param name="lambdas">
    /// Whether expression lambdas get a check too, which some types of lambdas do not bear.
    /// </param>
    internal static SyntaxTree Rewrite(SyntaxTree tree, bool lambdas)
    {
        var root = tree.GetRoot();
        var rewritten = new GuardRewriter(lambdas).Visit(root);
        return rewritten == root ? tree
            : CSharpSyntaxTree.Create((CSharpSyntaxNode)rewritten, Session.ParseOptions, tree.FilePath,
                System.Text.Encoding.UTF8);
    }

    public override SyntaxNode? VisitForStatement(ForStatementSyntax node) =>
        base.VisitForStatement(node) is ForStatementSyntax n ? n.WithStatement(Checked(n.Statement)) : null;

    public override SyntaxNode? VisitForEachStatement(ForEachStatementSyntax node) =>
        base.VisitForEachStatement(node) is ForEachStatementSyntax n ? n.WithStatement(Checked(n.Statement)) : null;

    public override SyntaxNode? VisitForEachVariableStatement(ForEachVariableStatementSyntax node) =>
        base.VisitForEachVariableStatement(node) is ForEachVariableStatementSyntax n
            ? n.WithStatement(Checked(n.Statement)) : null;

    public override SyntaxNode? VisitWhileStatement(WhileStatementSyntax node) =>
        base.VisitWhileStatement(node) is WhileStatementSyntax n ? n.WithStatement(Checked(n.Statement)) : null;

    public override SyntaxNode? VisitDoStatement(DoStatementSyntax node) =>
        base.VisitDoStatement(node) is DoStatementSyntax n ? n.WithStatement(Checked(n.Statement)) : null;

    // A backward goto is a loop too.
    public override SyntaxNode? VisitLabeledStatement(LabeledStatementSyntax node) =>
        base.VisitLabeledStatement(node) is LabeledStatementSyntax
        {
            Statement: not (LocalDeclarationStatementSyntax or LocalFunctionStatementSyntax),
        } n
            ? n.WithStatement(Checked(n.Statement)) : node;

    public override SyntaxNode? VisitParenthesizedLambdaExpression(ParenthesizedLambdaExpressionSyntax node) =>
        base.VisitParenthesizedLambdaExpression(node) is ParenthesizedLambdaExpressionSyntax { Block: { } block } n
            ? n.WithBlock((BlockSyntax)Checked(block)) : base.VisitParenthesizedLambdaExpression(node);

    public override SyntaxNode? VisitSimpleLambdaExpression(SimpleLambdaExpressionSyntax node)
    {
        var n = (SimpleLambdaExpressionSyntax)base.VisitSimpleLambdaExpression(node)!;
        if (n.Block is { } block)
            return n.WithBlock((BlockSyntax)Checked(block));
        // Parallel.For(0, n, i => Work(i)): the body has no loop, and the workers are not the cell's thread.
        if (n.ExpressionBody is InvocationExpressionSyntax or AssignmentExpressionSyntax or PostfixUnaryExpressionSyntax
            or AwaitExpressionSyntax
            && node.Parent is ArgumentSyntax { Parent: ArgumentListSyntax { Parent: InvocationExpressionSyntax
                { Expression: MemberAccessExpressionSyntax
            {
                Expression: IdentifierNameSyntax { Identifier.Text: "Parallel" },
                    Name.Identifier.Text: "For" or "ForEach" or "ForEachAsync"
            } } } })
            return n.WithExpressionBody(null).WithBlock(Block(Check, ExpressionStatement(n.ExpressionBody)));
        // Where(i => i < 0): the loop is the library's, but it calls back.
        return lambdas && n.ExpressionBody is BinaryExpressionSyntax or MemberAccessExpressionSyntax
            or ElementAccessExpressionSyntax
            or InvocationExpressionSyntax or IdentifierNameSyntax or PrefixUnaryExpressionSyntax
            ? n.WithExpressionBody(InvocationExpression(PassMethod,
                ArgumentList(SingletonSeparatedList(Argument(n.ExpressionBody!.WithoutTrailingTrivia()))))
                    .WithTrailingTrivia(n.ExpressionBody!.GetTrailingTrivia()))
            : n;
    }

    /// <summary>
    /// Whether a check has got into an expression tree, which others translate and must find as it was written.
    /// </summary>
    internal static bool IsInExpressionTree(SemanticModel model) =>
        model.SyntaxTree.GetRoot().DescendantNodes().OfType<SimpleLambdaExpressionSyntax>()
            .Any(l => l.ExpressionBody is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access }
                && access.ToString() == PassMethod.ToString()
                && model.GetTypeInfo(l).ConvertedType is INamedTypeSymbol { Name: "Expression" });

    public override SyntaxNode? VisitCatchClause(CatchClauseSyntax node)
    {
        var n = (CatchClauseSyntax)base.VisitCatchClause(node)!;
        if (n.Declaration is { } declaration
            && declaration.Type.ToString() is not ("Exception" or "System.Exception" or "OperationCanceledException"
            or "System.OperationCanceledException" or "SystemException" or "AggregateException"))
            return n;
        return n.WithFilter(n.Filter is { } filter
            ? filter.WithFilterExpression(BinaryExpression(SyntaxKind.LogicalAndExpression, GoesOn,
                ParenthesizedExpression(filter.FilterExpression.WithoutTrailingTrivia()))
                .WithTrailingTrivia(filter.FilterExpression.GetTrailingTrivia()))
            : CatchFilterClause(Token(TriviaList(Space), SyntaxKind.WhenKeyword, TriviaList(Space)),
                Token(SyntaxKind.OpenParenToken), GoesOn,
                Token(SyntaxKind.CloseParenToken)));
    }

    // Expression trees cannot hold statements; they cannot hold loops either, so nothing inside one is ever rewritten.
    private static StatementSyntax Checked(StatementSyntax body) =>
        body is BlockSyntax block
            ? block.WithStatements(block.Statements.Insert(0, Check))
            : Block(Token(SyntaxKind.OpenBraceToken), List([Check, body]), Token(SyntaxKind.CloseBraceToken));
}
