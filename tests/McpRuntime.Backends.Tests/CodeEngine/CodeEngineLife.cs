using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>
/// A runtime's life, step by step, each by a backend that remembers nothing: whatever broke off the step before is just what this one
/// finds. Somebody else's things of nearly the same names lie beside it, and must lie there at its end as at its beginning.
/// </summary>
internal sealed class CodeEngineLife(CodeEngineWorld world)
{
    public const string Canary = "c4n4ry-5a5a5a";

    private const int Patience = 90;

    private readonly KeyedHash _hash = new(new byte[32]);

    /// <summary>What the service keeps in its database.</summary>
    private readonly Dictionary<string, ResolvedFacts> _digests = new(StringComparer.Ordinal);

    /// <summary>The repository's, resolved without a call to the project: the same for every life.</summary>
    private ResolvedFacts? _commit;

    /// <param name="whole">Stopped, started and updated too; else it only comes and goes.</param>
    /// <returns>How many calls went wrong.</returns>
    public async Task<int> LiveAsync(bool repository, bool whole, string what)
    {
        var id = Given.Identity(world.InstanceId);
        var foreign = await world.MakeForeignAsync(id);
        await ReachAsync(id, repository, "1", $"{what}: up");
        if (whole)
        {
            await UntilAsync(() => StepStopAsync(id, repository), $"{what}: stopped");
            (await OursAsync(id)).Count(n => n.StartsWith("apps ", StringComparison.Ordinal)).Should().BeLessThanOrEqualTo(1, what);
            await ReachAsync(id, repository, "1", $"{what}: started again");
            await ReachAsync(id, repository, "2", $"{what}: updated");
        }

        await UntilAsync(() => StepDownAsync(id), $"{what}: down");
        (await OursAsync(id)).Should().BeEmpty(what);
        (await world.ForeignIsUntouchedAsync(foreign)).Should().BeTrue($"{what}: what is somebody else's stays as it is");
        var troubled = await world.Double.TroubledAsync();
        await world.Double.NoMoreTroubleAsync();
        await world.LetGoAsync();
        await world.RemoveForeignAsync(foreign);
        (await world.Double.StateAsync())["secrets"]!.AsArray().Select(s => s!["name"]!.GetValue<string>()).Should().Equal(["pull"], what);
        return troubled;
    }

    public async Task<Compiled> CompileAsync(IBackend backend, RuntimeIdentity id, bool repository = false, string stage = "1") =>
        await CompileOrNullAsync(backend, id, repository, stage) ?? throw new AssertionException("It did not resolve.");

    public static async Task UntilAsync(Func<Task<bool>> step, string what)
    {
        for (var i = 0; i < Patience; i++)
        {
            if (await step())
            {
                return;
            }
        }

        Assert.Fail($"Not after {Patience} steps: {what}");
    }

    private async Task ReachAsync(RuntimeIdentity id, bool repository, string stage, string what)
    {
        await UntilAsync(() => StepUpAsync(id, repository, stage), what);
        var up = await OursAsync(id);
        up.Select(n => n.Split(' ')[0]).Should().BeEquivalentTo(["apps", "secrets"], $"{what}: one app, one secret, and no build or run that nobody needs");
    }

    /// <summary>One step up; true when all is as asked, and nothing else is there.</summary>
    private async Task<bool> StepUpAsync(RuntimeIdentity id, bool repository, string stage)
    {
        var backend = world.Make(world.Options);
        if (await CompileOrNullAsync(backend, id, repository, stage) is not { Complete: true } compiled || (await backend.ObserveAsync(id, default)) is not ProviderView.Known { Resources: var seen })
        {
            return false;
        }

        foreach (var resource in compiled.Running)
        {
            var there = seen.FirstOrDefault(s => s.Id == resource.Id);
            if (there is null || there.Fingerprint != resource.Fingerprint || there.Health is Health.Failed or Health.Stopped)
            {
                _ = await backend.PutAsync(id, resource, default);
                return false;
            }
        }

        return seen.Where(s => s.Kind == ResourceKind.Container).All(s => s.Health == Health.Serving) && await RemovedAsync(backend, id, seen.Where(s => compiled.Running.All(r => r.Id != s.Id)));
    }

    /// <summary>As the planner stops: what is there is put right, what is missing is not made.</summary>
    private async Task<bool> StepStopAsync(RuntimeIdentity id, bool repository)
    {
        var backend = world.Make(world.Options);
        if (await CompileOrNullAsync(backend, id, repository, "1") is not { Complete: true } compiled || (await backend.ObserveAsync(id, default)) is not ProviderView.Known { Resources: var seen })
        {
            return false;
        }

        foreach (var resource in compiled.Stopped)
        {
            if (seen.FirstOrDefault(s => s.Id == resource.Id) is { } there && there.Fingerprint != resource.Fingerprint)
            {
                _ = await backend.PutAsync(id, resource, default);
                return false;
            }
        }

        return seen.Where(s => s.Kind == ResourceKind.Container).All(s => s.Health == Health.Stopped);
    }

    private async Task<bool> StepDownAsync(RuntimeIdentity id)
    {
        var backend = world.Make(world.Options);
        return await backend.ObserveAsync(id, default) is ProviderView.Known { Resources: var seen } && await RemovedAsync(backend, id, seen);
    }

    /// <returns>There was nothing to remove.</returns>
    private static async Task<bool> RemovedAsync(IBackend backend, RuntimeIdentity id, IEnumerable<SeenResource> surplus)
    {
        if (surplus.OrderBy(s => s.Kind.RemovalRank()).FirstOrDefault() is not { } next)
        {
            return true;
        }

        _ = await backend.RemoveAsync(id, next.Id, next.Kind, default);
        return false;
    }

    /// <summary>As the service does: resolved, built while that is what there is to do, resolved again.</summary>
    private async Task<Compiled?> CompileOrNullAsync(IBackend backend, RuntimeIdentity id, bool repository, string stage)
    {
        var revision = Given.Revision(world.Image, port: 8080);
        if (repository)
        {
            var source = new Source.GitHub(world.Repository, world.Commit, "Dockerfile", ".", new Dictionary<string, string>(StringComparer.Ordinal), PushToRegistry: false, Registry: null);
            revision = revision with { Spec = revision.Spec with { Source = source } };
        }

        if ((repository ? _commit : null) is not { } first)
        {
            if (await ResolveAsync(backend, id, revision) is not { } found)
            {
                return null;
            }

            first = found;
            _commit = repository ? found : _commit;
        }

        revision = revision with { Facts = first };
        var environment = new Dictionary<string, SecretText>(StringComparer.Ordinal) { ["API_KEY"] = new(Canary), ["STAGE"] = new(stage) };
        var compiled = backend.Compile(Given.Input(id, revision, _hash, environment));
        if (compiled.Complete)
        {
            return compiled;
        }

        // The digest is stored by the service; here it is asked for again, or comes from what was seen before.
        if (_digests.TryGetValue(id.RecordId, out var known) || (known = await BuiltAsync(backend, id, compiled, revision)) is not null)
        {
            _digests[id.RecordId] = known;
            return backend.Compile(Given.Input(id, revision with { Facts = known }, _hash, environment));
        }

        return null;
    }

    private static async Task<ResolvedFacts?> BuiltAsync(IBackend backend, RuntimeIdentity id, Compiled compiled, Revision revision)
    {
        _ = await backend.PutAsync(id, compiled.Running.Single(), default);
        return await ResolveAsync(backend, id, revision) is { PinIsRegistryDigest: true } pinned ? pinned : null;
    }

    private static async Task<ResolvedFacts?> ResolveAsync(IBackend backend, RuntimeIdentity id, Revision revision) =>
        (await backend.ResolveAsync(id, revision, default)).Match<ResolvedFacts?>(r => r.Facts, _ => null);

    /// <summary>Read from the project itself, whatever the backend thinks.</summary>
    private async Task<IReadOnlyList<string>> OursAsync(RuntimeIdentity id)
    {
        var state = await world.Double.StateAsync();
        return
        [
            .. state.SelectMany(kind => kind.Value!.AsArray().Where(t => t!.ToJsonString() is var text && text.Contains(id.RecordId, StringComparison.Ordinal) && text.Contains(id.InstanceId, StringComparison.Ordinal))
                .Select(t => $"{kind.Key} {t!["name"]}")),
        ];
    }
}
