using System.Collections.Concurrent;
using McpRuntime.Backends;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>All objects of a kind, followed at a real API server over a line that fails in every way: each is known in the end, and none that is not there.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class FollowerTests
{
    private const string Space = "followed";

    private readonly TestCluster _cluster = TheCluster.It;
    private LooseLine _line = null!;

    [OneTimeSetUp]
    public async Task OpenAsync()
    {
        await _cluster.KubectlOrFailAsync("create", "namespace", Space);
        _line = await LooseLine.ToAsync(_cluster);
    }

    [OneTimeTearDown]
    public async Task CloseAsync()
    {
        await _line.DisposeAsync();
        await _cluster.KubectlAsync("delete", "namespace", Space, "--wait=false");
    }

    [Test]
    public async Task Over_a_line_that_is_cut_every_second_nothing_is_missed()
    {
        await using var followed = new Following(_line, TimeProvider.System, "cut");
        var made = 0;
        await using (_line.CutEvery(TimeSpan.FromSeconds(1)))
        {
            while (made < 4 || followed.Faults.Count < 3)
            {
                var name = $"cut-{++made}";
                await MakeAsync(name, "cut");
                await followed.UntilAsync(known => known.Contains(name, StringComparer.Ordinal), $"{name} is known");
            }

            await _cluster.KubectlOrFailAsync("delete", "secret", "-n", Space, "cut-1", "cut-3");
            await followed.UntilAsync(known => !known.Contains("cut-1", StringComparer.Ordinal) && !known.Contains("cut-3", StringComparer.Ordinal), "both are known to be gone");
        }

        followed.Known.Should().BeEquivalentTo(Enumerable.Range(1, made).Except([1, 3]).Select(number => $"cut-{number}"));
    }

    [Test]
    public async Task A_stream_that_is_open_and_dead_is_noticed_by_its_silence()
    {
        // 150 s of silence are 7.5 s here.
        await using var followed = new Following(_line, new FastTime(20), "silent");
        await MakeAsync("silent-1", "silent");
        await followed.UntilAsync(known => known.Contains("silent-1", StringComparer.Ordinal), "the first is known");

        _line.Silence();
        await MakeAsync("silent-2", "silent");
        await _cluster.KubectlOrFailAsync("delete", "secret", "-n", Space, "silent-1");
        followed.Known.Should().BeEquivalentTo(["silent-1"], "nothing comes through");

        await followed.UntilAsync(known => known.SequenceEqual(["silent-2"]), "what happened meanwhile is known");
    }

    [Test]
    public async Task What_was_deleted_and_made_while_the_line_was_down_is_known_when_it_is_up()
    {
        await using var followed = new Following(_line, TimeProvider.System, "down");
        await MakeAsync("down-1", "down");
        await MakeAsync("down-2", "down");
        await followed.UntilAsync(known => known.Count == 2, "both are known");

        _line.Cut();
        await _cluster.KubectlOrFailAsync("delete", "secret", "-n", Space, "down-1");
        await MakeAsync("down-3", "down");
        followed.Known.Should().BeEquivalentTo(["down-1", "down-2"], "a line that is down takes nothing away");
        _line.Mend();

        await followed.UntilAsync(known => known.SequenceEqual(["down-2", "down-3"]), "what happened meanwhile is known");
    }

    [Test]
    public async Task A_server_that_begins_anew_refuses_older_versions_and_who_follows_goes_on()
    {
        await using var followed = new Following(_line, TimeProvider.System, "anew");
        await MakeAsync("anew-1", "anew");
        await followed.UntilAsync(known => known.Count == 1, "the first is known");

        await _cluster.ApiServer.StopAsync();
        _cluster.ApiServer.Start();
        await _cluster.UntilReadyAsync();
        using var wire = new KubernetesWire(ClusterAccess.Find(_cluster.Kubeconfig, TimeProvider.System), TimeProvider.System);
        var watching = async () => await wire.WatchAsync(KubeKind.Secret, Space, selector: null, version: "1", CancellationToken.None).FirstAsync();

        (await watching.Should().ThrowAsync<BackendFault>()).Which.Fault.Reason.Should().Be(KubernetesWire.Faults.Expired, "that is 410 Gone");
        await MakeAsync("anew-2", "anew");
        await followed.UntilAsync(known => known.SequenceEqual(["anew-1", "anew-2"]), "what happened since is known");
    }

    private Task MakeAsync(string name, string label) =>
        _cluster.ApplyAsync($"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {Space}, labels: {{test: {label}}}}}\n");

    /// <summary>What a follower's user would know now.</summary>
    private sealed class Following : IAsyncDisposable
    {
        private readonly KubernetesWire _wire;
        private readonly CancellationTokenSource _ended = new();
        private readonly ConcurrentDictionary<string, byte> _known = new(StringComparer.Ordinal);
        private readonly Task _following;

        public Following(LooseLine line, TimeProvider time, string label)
        {
            _wire = new KubernetesWire(ClusterAccess.Find(line.Kubeconfig, time), time);
            _following = FollowAsync(new KubeFollower(_wire, KubeKind.Secret, Space, $"test={label}", time, new Random(1), fault => Faults.Enqueue(fault.Fault.Reason)));
        }

        public ConcurrentQueue<string> Faults { get; } = new();

        public IReadOnlyList<string> Known => [.. _known.Keys.Order(StringComparer.Ordinal)];

        public Task<TimeSpan> UntilAsync(Func<IReadOnlyList<string>, bool> right, string what) =>
            Acceptance.Tests.Harness.Eventually.TrueAsync(() => Task.FromResult(right(Known)), TimeSpan.FromSeconds(60), $"{what}; known are {string.Join(", ", Known)}; faults: {string.Join(", ", Faults)}");

        public async ValueTask DisposeAsync()
        {
            await _ended.CancelAsync();
            await _following;
            _ended.Dispose();
            _wire.Dispose();
        }

        private async Task FollowAsync(KubeFollower follower)
        {
            try
            {
                await foreach (var seen in follower.ReadAsync(_ended.Token))
                {
                    Take(seen);
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }

        private void Take(Followed seen)
        {
            if (seen.List is { } list)
            {
                var there = list.Select(item => item.Name).ToHashSet(StringComparer.Ordinal);
                foreach (var gone in _known.Keys.Where(name => !there.Contains(name)))
                {
                    _ = _known.TryRemove(gone, out _);
                }

                foreach (var name in there)
                {
                    _known[name] = 0;
                }
            }

            if (seen.Event is { Change: KubeChange.Deleted } deleted)
            {
                _ = _known.TryRemove(deleted.Object.Name, out _);
            }
            else if (seen.Event is { Change: KubeChange.Added or KubeChange.Modified } there)
            {
                _known[there.Object.Name] = 0;
            }
        }
    }
}

/// <summary>Real time that goes so many times faster for who asks this clock: what takes minutes of silence takes seconds.</summary>
internal sealed class FastTime(int times) : TimeProvider
{
    private readonly long _begun = System.GetTimestamp();

    public override long GetTimestamp() => _begun + ((System.GetTimestamp() - _begun) * times);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new FastTimer(System.CreateTimer(callback, state, Shorter(dueTime), Shorter(period)), this);

    private TimeSpan Shorter(TimeSpan span) => span == Timeout.InfiniteTimeSpan ? span : span / times;

    private sealed class FastTimer(ITimer timer, FastTime time) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => timer.Change(time.Shorter(dueTime), time.Shorter(period));

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
