"""The paid-request core: one question in, one stored answer out, paid for once.

`caller.Caller.ask` is the way in. Every request passes the same stations:

    request    canonical form, key, and the bytes that go over the wire (images: `vision`)
    budget     admitted only while the run's money, held and spent, stays below its limit (`prices`)
    journal    reserved durably before it is sent; or its stored answer is returned and nothing is sent
    gate       waits for its turn: requests in flight, per minute, tokens per minute, a pause that all share
    client     sent; a failure is final for the row, final for the run, or transient and tried again
    journal    the raw answer is stored and the reservation settled before anyone reads the answer
"""
