/**
 * The version of RabbitMQ that Amazon MQ runs. 4.3 is on offer, too (Amazon MQ's guide, "RabbitMQ 4");
 * 4.2 is the one that this project is tested with.
 */
export const ENGINE_VERSION = '4.2'

/** A choice of broker and of what goes with it. */
export interface Size {
  readonly instanceType: string
  readonly deploymentMode: 'SINGLE_INSTANCE' | 'CLUSTER_MULTI_AZ'
  /** Availability zones of the network. */
  readonly zones: number
  /** Zones with a node of the broker, and with an address of the Secrets Manager endpoint. */
  readonly brokerZones: number
  /** Connections that the broker takes (RabbitMQ's `connection_max`, which counts per node). */
  readonly connectionMax: number
}

/**
 * One cannot become the other: CloudFormation would replace the broker. docs/aws.md says how to move.
 *
 * The ceilings of a node are Amazon MQ's "resource hard limits": 300 connections on mq.m7g.medium,
 * 5,000 on mq.m7g.large. Of these, `ha` uses 2,000: one node must be able to bear all of them, with
 * the channels and buffers that they bring, in its 8 GiB.
 */
export const SIZES = {
  small: {
    instanceType: 'mq.m7g.medium',
    deploymentMode: 'SINGLE_INSTANCE',
    zones: 2,
    brokerZones: 1,
    connectionMax: 300,
  },
  ha: {
    instanceType: 'mq.m7g.large',
    deploymentMode: 'CLUSTER_MULTI_AZ',
    zones: 3,
    brokerZones: 3,
    connectionMax: 2000,
  },
} as const satisfies Readonly<Record<string, Size>>

export type SizeName = keyof typeof SIZES
