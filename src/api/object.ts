/** What every object has, as Kubernetes' API conventions say. */

export const group = "netloom.dev";
export const version = "v1alpha1";
/** Of our own kinds. */
export const groupVersion = `${group}/${version}`;

/** Who set which fields: `metadata.managedFields`. */
export interface ManagedFields {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: unknown;
  readonly subresource?: string;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string;
  /** Asks the server for a name that begins so. */
  readonly generateName?: string;
  readonly uid: string;
  /** Grows with each change of `spec`. */
  readonly generation: number;
  /** Opaque to clients; the store's revision. */
  readonly resourceVersion: string;
  /** RFC 3339 in UTC, whole seconds. */
  readonly creationTimestamp: string;
  /** Set: it goes once `finalizers` is empty. */
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFields[];
}

/** An object of any kind. */
export interface ApiObject<Spec = unknown, Status = unknown> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
  readonly status?: Status;
}

/** What a client sends: the server fills in the rest. */
export type NewObject<Spec = unknown> = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<ObjectMeta>;
  readonly spec: Spec;
};

/** What is wrong with a field, in Kubernetes' words for causes. */
export interface Fault {
  /** `spec.fixedIps[0].address`. */
  readonly path: string;
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueNotSupported"
    | "FieldValueDuplicate"
    | "FieldValueForbidden"
    | "FieldValueTooLong"
    | "FieldValueTooMany"
    | "FieldValueTypeInvalid"
    | "FieldValueNotFound";
  /** What is wrong and how to mend it, without the path. */
  readonly message: string;
}

/** `status.conditions`, as Kubernetes has them. */
export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  /** One word in CamelCase, for programs. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}
