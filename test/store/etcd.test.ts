/** A store in etcd sits the exam. */
import { afterAll, beforeAll, describe } from "bun:test";
import { openEtcd } from "../../src/control/store/etcd.ts";
import { exam } from "../../src/control/store/exam.ts";
import { EtcdCluster } from "./etcd-cluster.ts";

let cluster: EtcdCluster;
beforeAll(async () => {
  cluster = await EtcdCluster.start(1);
});
afterAll(() => cluster[Symbol.asyncDispose]());

describe("etcd with one member", () => exam(() => openEtcd(cluster.options)));
