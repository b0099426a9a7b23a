"""The rollout machine: how a migration gets from draft to retired, and back, with nothing half done.

**Phase.** A phase is a statement about the world that holds while nothing is in progress. *draft*: nothing was done.
*expanded*: topics, schemas and start checkpoints exist. *replaying*: a bridge works. *caught-up*: its lag is small in
every partition. *verified*: a fresh verification of this very plan found everything right. *switched*: the new topic
has authority. *retired*, *abandoned*: the end. Three of them rest on observations, so they fall back by themselves when
the observation no longer holds: lag grows, a verification expires or finds a mismatch.

**Authority.** Exactly one topic of a migration is the one that producers write. Which one is decided by one control
record, {epoch, B, T}, and by nothing else: not by our database, which mirrors it, and not by what any program believes.
Epochs only grow. A switch begins the next one, a rollback the one after that; an attempt that is reverted uses up its
number, so that an acknowledgement which arrives late is never taken for one of the next attempt.

**Transition.** Between two phases a transition is in progress. It is decided whole: ``decide`` answers a command with
the list of effects, as data, or with a refusal that says what to do. The list is persisted before its first effect
runs, and again after each. An effect is first *tried* (a picture of what it is about to change is persisted), then
*done*. So at any moment the stored state says which effects are done, which single one is in doubt, and what the world
was like before.

**Why every effect is idempotent.** After a crash nobody knows whether the effect in doubt has happened. It is run
again, and running it twice must leave what running it once leaves; then a crash between any two instructions is
finished by giving the same command again. The same holds for undoing: it restores the picture, whether or not the
effect had come about.

**The point of no return.** While authority moves it is the one control record and only that. Before it every effect has
a reverse, and a failure is undone, because producers are waiting; a crash is finished or, with ``--revert``, undone.
Where the crash left the record itself in doubt, the runner first fences the older writer and then reads the topic: it
is there, or it never will be. After the record only finishing is left, and then the next epoch goes back. Besides
authority only destruction is final: deleting the old topic (``retire``), and undoing what ``apply`` made (``abandon``).

**The table.** ``table.py`` has a cell for every event in every place, a place being a phase or, during a transition,
its stage. A cell leads somewhere, lets the event pass, or refuses with a named reason; there is no default. What a cell
asks first is listed by name (``guards.py``), which effects it begins is built by name (``steps.py``), and the diagram
in the documentation is drawn from it.

**Drift.** A plan has a fingerprint. A command under another one is refused until the project is planned and applied
again; also the finishing of a transition, until the point of no return. From there on the recorded effects are finished
whatever became of the project: half a switch is worse than one under the plan that was approved.
"""
